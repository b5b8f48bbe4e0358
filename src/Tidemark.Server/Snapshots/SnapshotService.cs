#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Changes;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Snapshots;

/// <summary>Offers a file in place of the first pages, where there are many. It is made anew when so much has changed since that pages would be as fast.</summary>
internal sealed class SnapshotService(SnapshotFolder folder, ISnapshotWriter writer, ServerOptions options, Action<string> failed) : IDisposable
{
    private readonly SemaphoreSlim _writing = new(1, 1);

    public async Task<(SnapshotManifest Manifest, string? Path)> OfAsync(IStoreSnapshot snapshot, SyncModel model, UserId user, ChangesService changes, CancellationToken cancellationToken)
    {
        var isCatalog = SpaceNames.IsCatalog(snapshot.Space.Value);
        var reader = isCatalog ? Spaces.Everybody : user;
        if (await FreshAsync(snapshot, model, cancellationToken).ConfigureAwait(false) is { } there)
        {
#if TIDEMARK_MUTANTS
            if (Mutants.Is(Mutant.SnapshotCursorAhead))
            {
                return (there.Manifest with { Cursor = changes.CursorAt(model, reader, snapshot.Space, snapshot.State!.Epoch, snapshot.State.Head) }, there.Path);
            }
#endif
            return Told(there, changes, model, reader);
        }

        if (!isCatalog && await CountAsync(snapshot, model, 0, options.SnapshotRowsMin, cancellationToken).ConfigureAwait(false) < options.SnapshotRowsMin)
        {
            return None(snapshot.Space);
        }

        await _writing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await FreshAsync(snapshot, model, cancellationToken).ConfigureAwait(false) is { } meanwhile ? Told(meanwhile, changes, model, reader)
                : await TryWriteAsync(snapshot, model, isCatalog, changes, cancellationToken).ConfigureAwait(false) is { } written ? Told(written, changes, model, reader)
                : None(snapshot.Space);
        }
        finally
        {
            _writing.Release();
        }
    }

    public void Dispose() => _writing.Dispose();

    // Where no file can be written pages are fetched: a full disk keeps nobody from a first fetch.
    private async Task<(SnapshotManifest Manifest, string Path)?> TryWriteAsync(IStoreSnapshot snapshot, SyncModel model, bool isCatalog, ChangesService changes, CancellationToken cancellationToken)
    {
        try
        {
            return await WriteAsync(snapshot, model, isCatalog, changes, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            failed(SnapshotFolder.WithoutNames(e.Message, snapshot.Space));
            return null;
        }
    }

    private async Task<(SnapshotManifest Manifest, string Path)> WriteAsync(IStoreSnapshot snapshot, SyncModel model, bool isCatalog, ChangesService changes, CancellationToken cancellationToken)
    {
        var state = snapshot.State!;
        var path = folder.NewPath(snapshot.Space);
        var cursor = isCatalog ? changes.CursorAt(model, Spaces.Everybody, snapshot.Space, state.Epoch, state.Head) : null;
        var rows = await writer.WriteAsync(path, snapshot, model, cursor, cancellationToken).ConfigureAwait(false);
        return folder.Keep(snapshot.Space, path, new SnapshotManifest { Space = snapshot.Space.Value, Offered = true, Epoch = state.Epoch, Mark = state.Head, Rows = rows, ModelHash = model.Hash });
    }

    private static (SnapshotManifest Manifest, string? Path) None(SpaceId space) => (new SnapshotManifest { Space = space.Value, Offered = false }, null);

    // The cursor comes with the rows: it says the commit they were read at, not the one of now.
    private static (SnapshotManifest Manifest, string? Path) Told((SnapshotManifest Manifest, string Path) file, ChangesService changes, SyncModel model, UserId reader) =>
        (file.Manifest with { Cursor = changes.CursorAt(model, reader, new SpaceId(file.Manifest.Space), file.Manifest.Epoch!, file.Manifest.Mark!) }, file.Path);

    private async Task<(SnapshotManifest Manifest, string Path)?> FreshAsync(IStoreSnapshot snapshot, SyncModel model, CancellationToken cancellationToken)
    {
        var state = snapshot.State!;
        if (folder.Find(snapshot.Space) is not { } file || file.Manifest.Epoch != state.Epoch || file.Manifest.ModelHash != model.Hash || file.Manifest.Mark is not { } mark
            || mark.Position < state.CompactedTo.Value || !await snapshot.KnowsAsync(mark, cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        var free = (int)Math.Min(int.MaxValue, Math.Max(options.SnapshotChangesMax, file.Manifest.Rows / 10));
        return await CountAsync(snapshot, model, mark.Position, free + 1, cancellationToken).ConfigureAwait(false) > free ? null : file;
    }

    private static ValueTask<long> CountAsync(IStoreSnapshot snapshot, SyncModel model, long after, int max, CancellationToken cancellationToken) =>
        snapshot.CountChangesAsync(
            new ChangesRange([.. model.Entities.OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => (t, new ChangePlace(after, null)))], snapshot.State!.Head.Position), max, cancellationToken);
}
