#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
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
}

/// <summary>Fetches pages up to the head the first one saw. Pages are staged raw as they come; nothing is applied before the last.</summary>
internal sealed class PullEngine(IRemote remote, PullOptions options, string? space, string deviceId)
{
    private readonly PullReport _report = new();

    public PullReport Report => _report;

    /// <summary>The largest page that needs no admission of the server; 0: none does.</summary>
    public int RowsMax { get; init; }

    /// <summary>The first request of a run, before any lock is taken; reads only.</summary>
    public async Task<byte[]> ProbeAsync(StoreSession session, CancellationToken cancellationToken)
    {
        var state = session.Remotes.Read();
        var cursor = ResumeCursor(session, state);
        return await FetchAsync(session, cursor, state, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Does the remote know what this device has seen of it? Nothing is asked when it has seen nothing.</summary>
    /// <exception cref="ResyncRequiredException">It does not.</exception>
    public async Task ConfirmAsync(StoreSession session, CancellationToken cancellationToken)
    {
        if (session.Remotes.Read() is { Floor: not null } state)
        {
            await FetchAsync(session, null, state, 1, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Before a listing after the retention begins, and before anything is pushed: was the remote restored since it asked for the listing? It would take what
    /// the remote has lost for gone.
    /// </summary>
    /// <exception cref="ResyncRequiredException">It was.</exception>
    public async Task ConfirmListingAsync(StoreSession session, CancellationToken cancellationToken)
    {
        if (session.Remotes.Read() is not { Resync: ResyncReason.Retention, Floor: null } || session.Remotes.ReadMarks() is not { Count: > 0 } marks)
        {
            return;
        }

        try
        {
            await remote.GetChangesAsync(Request(null, 1, marks), cancellationToken).ConfigureAwait(false);
        }
        catch (ResyncRequiredException e) when (e.Reason == ResyncReason.Retention)
        {
            // As before: the listing is still to begin.
        }
    }

    /// <summary>Does the first page tell that there is nothing to do?</summary>
    public static bool IsIdle(byte[] body, RemoteState state) => Understood(() =>
    {
        var tail = ChangesPage.ReadTail(body);
        return !tail.HasMore
            && string.Equals(tail.Epoch, state.Epoch, StringComparison.Ordinal)
            && state.Cursor is not null && state.Floor is not null && tail.Mark.Position <= state.Floor.Position
            && ChangesPage.CountChanges(body) == 0;
    });

    public async Task<FetchedPages> RunAsync(EngineTransaction transaction, byte[]? first, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        var session = transaction.Session;
        var stagedBefore = Readable(transaction);
        var nextPage = stagedBefore.Count == 0 ? 1 : stagedBefore[^1] + 1;
        var rows = session.Stage.Rows();
        var goesBeyond = IsMidway(session, stagedBefore);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var state = session.Remotes.Read();
        var isWhole = state.Resync is ResyncReason.Retention or ResyncReason.Restored || SpaceNames.IsCatalog(space ?? "");
#if TIDEMARK_MUTANTS
        isWhole &= !Mutants.Is(Mutant.CatalogMixesVersions);
#endif
        var coming = first is not null ? Task.FromResult(first) : FetchAsync(session, ResumeCursor(session, state), state, ending.Token);
        try
        {
            while (true)
            {
                var body = await coming.ConfigureAwait(false);
                var tail = Understood(() => ChangesPage.ReadTail(body));
                _report.Iterations++;
                _report.Bytes += body.Length;
                _report.Until = tail.Until;
                if (!tail.HasMore && nextPage == 1)
                {
                    var only = Understood(() => ChangesPage.Read(body, session.Model));
                    progress?.Report(new SyncProgress(SyncPhase.Pull, only.Changes.Count, only.Changes.Count, _report.Bytes));
                    return new FetchedPages { Only = only, Last = tail, Complete = true };
                }

                // A row that changed while the pages before were fetched is behind the head that the first one saw. A listing says of rows that are not
                // in it that they are gone, and a catalog is there as one whole version: both end with a page that saw the head itself.
                var hasMore = tail.HasMore || (isWhole && goesBeyond);
                goesBeyond = tail.HasMore;

                // The server makes the next page while this one is looked through and staged.
                var goesOn = hasMore && _report.Iterations < options.IterationsMax;
                coming = goesOn ? FetchAsync(session, tail.NextCursor, session.Remotes.Read(), ending.Token) : coming;
                rows += Stage(transaction, nextPage++, body, tail);
                progress?.Report(new SyncProgress(SyncPhase.Pull, rows, rows + tail.EstimatedRemaining, _report.Bytes));
                if (!goesOn)
                {
                    _report.HasMore = hasMore;
                    return new FetchedPages { Last = tail, Complete = !hasMore };
                }

                await transaction.GiveWay().ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        catch when (!coming.IsCompleted)
        {
            // CancelAsync would end the request on another thread; nothing here takes long.
#pragma warning disable CA1849
            ending.Cancel();
#pragma warning restore CA1849
            await ((Task)coming).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    // Pages that were staged and cannot be gone on from are fetched again.
    private static List<long> Readable(EngineTransaction transaction)
    {
        var stage = transaction.Session.Stage;
        var pages = stage.Pages();
        try
        {
            _ = pages.Count == 0 ? null : ChangesPage.ReadTail(stage.Read(pages[^1]));
            return pages;
        }
        catch (WireFormatException)
        {
            transaction.Run(EngineTransactionKind.Cheap, s => s.Stage.Clear());
            return [];
        }
    }

    // Was the last staged page followed by another one of the same head?
    private static bool IsMidway(StoreSession session, List<long> staged) =>
        staged.Count > 0 && Understood(() => ChangesPage.ReadTail(session.Stage.Read(staged[^1]))).HasMore;

    // Behind the last staged page, else from the cursor.
    private static string? ResumeCursor(StoreSession session, RemoteState state)
    {
        var pages = session.Stage.Pages();
        return pages.Count == 0 ? state.Cursor : Understood(() => ChangesPage.ReadTail(session.Stage.Read(pages[^1]))).NextCursor;
    }

    // Only what came whole is kept; how many rows it has.
    private static int Stage(EngineTransaction transaction, long number, byte[] body, ChangesPageTail tail)
    {
        var rows = Understood(() => ChangesPage.CountChanges(body));
        transaction.Run(EngineTransactionKind.Cheap, s =>
        {
            s.Remotes.Note(tail.Epoch, tail.Mark);
            s.Stage.Add(number, body, rows);
        });
        return rows;
    }

    private Task<byte[]> FetchAsync(StoreSession session, string? cursor, RemoteState state, CancellationToken cancellationToken) =>
        FetchAsync(session, cursor, state, RowsMax > 0 ? Math.Min(RowsMax, options.PageRowsMax) : options.PageRowsMax, cancellationToken);

    private async Task<byte[]> FetchAsync(StoreSession session, string? cursor, RemoteState state, int limit, CancellationToken cancellationToken)
    {
        return await remote.GetChangesAsync(Request(cursor, limit, state.Floor is null ? null : session.Remotes.ReadMarks()), cancellationToken).ConfigureAwait(false);
    }

    private ChangesRequest Request(string? cursor, int limit, List<Mark>? marks) =>
        new() { Space = space, Cursor = cursor, DeviceId = deviceId, Limit = limit, Marks = marks };

    private static T Understood<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (WireFormatException e)
        {
            throw new SyncException(SyncErrorCode.InvalidResponse, e.Message, retryable: true, e);
        }
    }
}
