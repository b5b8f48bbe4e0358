using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Engines.Pull;

/// <summary>Everything that one pull fetched: pages still in memory, or staged in the file.</summary>
internal sealed class FetchedPages
{
    /// <summary>The only page, when it was the last one too; it goes straight to the apply.</summary>
    public ChangesPage? Only { get; init; }

    /// <summary>The tail of the last page; null when nothing was fetched.</summary>
    public ChangesPageTail? Last { get; init; }

    /// <summary>All pages up to the head are here.</summary>
    public bool Complete { get; init; }

    /// <summary>Neither changes nor another cursor: a run with nothing to do.</summary>
    public bool IsIdle { get; init; }
}

/// <summary>Fetches pages up to the head the first one saw. Pages are staged raw as they come; nothing is applied before the last.</summary>
internal sealed class PullEngine(IRemote remote, PullOptions options, string? space, string deviceId)
{
    private readonly PullReport _report = new();

    public PullReport Report => _report;

    /// <summary>The first request of a run, before any lock is taken; reads only.</summary>
    public async Task<byte[]> ProbeAsync(StoreSession session, CancellationToken cancellationToken)
    {
        var state = session.Remotes.Read();
        var cursor = ResumeCursor(session, state);
        return await FetchAsync(session, cursor, state, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Decodes the first page and tells whether there is nothing to do.</summary>
    public static (ChangesPage Page, bool IsIdle) Decode(byte[] body, SyncModel model, RemoteState state)
    {
        var page = Decoded(body, model);
        var isIdle = page.Changes.Count == 0 && !page.Tail.HasMore
            && string.Equals(page.Tail.Epoch, state.Epoch, StringComparison.Ordinal)
            && state.Cursor is not null && state.Floor is not null && page.Tail.Mark.Position <= state.Floor.Position;
        return (page, isIdle);
    }

    public async Task<FetchedPages> RunAsync(EngineTransaction transaction, byte[]? first, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        var session = transaction.Session;
        var stagedBefore = session.Stage.Pages();
        var nextPage = stagedBefore.Count == 0 ? 1 : stagedBefore[^1] + 1;
        var rows = session.Stage.Rows();
        var body = first;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var state = session.Remotes.Read();
            body ??= await FetchAsync(session, ResumeCursor(session, state), state, cancellationToken).ConfigureAwait(false);
            var page = Decoded(body, session.Model);
            _report.Iterations++;
            _report.Bytes += body.Length;
            _report.Until = page.Tail.Until;
            rows += page.Changes.Count;
            progress?.Report(new SyncProgress(SyncPhase.Pull, rows, rows + page.Tail.EstimatedRemaining, _report.Bytes));
            if (!page.Tail.HasMore && stagedBefore.Count == 0 && nextPage == 1)
            {
                return new FetchedPages { Only = page, Last = page.Tail, Complete = true };
            }

            Stage(transaction, nextPage++, body, page);
            if (!page.Tail.HasMore || _report.Iterations >= options.IterationsMax)
            {
                _report.HasMore = page.Tail.HasMore;
                return new FetchedPages { Last = page.Tail, Complete = !page.Tail.HasMore };
            }

            body = null;
        }
    }

    // Behind the last staged page, else from the cursor.
    private static string? ResumeCursor(StoreSession session, RemoteState state)
    {
        var pages = session.Stage.Pages();
        return pages.Count == 0 ? state.Cursor : Decoded(session.Stage.Read(pages[^1]), session.Model).Tail.NextCursor;
    }

    private static void Stage(EngineTransaction transaction, long number, byte[] body, ChangesPage page) =>
        transaction.Run(EngineTransactionKind.Cheap, s =>
        {
            s.Remotes.Note(page.Tail.Epoch, page.Tail.Mark);
            s.Stage.Add(number, body, page.Changes.Count);
        });

    private async Task<byte[]> FetchAsync(StoreSession session, string? cursor, RemoteState state, CancellationToken cancellationToken)
    {
        var request = new ChangesRequest
        {
            Space = space,
            Cursor = cursor,
            DeviceId = deviceId,
            Limit = options.PageRowsMax,
            Marks = state.Floor is null ? null : session.Remotes.ReadMarks(),
        };
        return await remote.GetChangesAsync(request, cancellationToken).ConfigureAwait(false);
    }

    private static ChangesPage Decoded(byte[] body, SyncModel model)
    {
        try
        {
            return ChangesPage.Read(body, model);
        }
        catch (WireFormatException e)
        {
            throw new SyncException(SyncErrorCode.InvalidResponse, e.Message, retryable: true, e);
        }
    }
}
