using Tidemark.Client.Engines;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Spaces;

/// <summary>Keeps the spaces that a file holds in step with those its user is a member of. Asked at every run; only a word of the server takes rows away.</summary>
internal sealed class SpaceRound(LocalStore store, ISharing sharing, SyncEnvironment environment)
{
    private Dictionary<string, SpaceInfo> _spaces = new(StringComparer.Ordinal);

    /// <summary>Asks which spaces there are.</summary>
    public async Task AskAsync(List<string> warnings, CancellationToken cancellationToken)
    {
        var spaces = await sharing.GetSpacesAsync(withLeft: true, cancellationToken).ConfigureAwait(false);
        if (!spaces.Any(s => s.Default && string.Equals(s.Space, "u:" + store.User, StringComparison.Ordinal)))
        {
            throw new SyncException(SyncErrorCode.InvalidResponse, "The server's list of spaces has not the user's own one.", retryable: true);
        }

        _spaces = spaces.Where(s => !s.Default).ToDictionary(s => s.Space, StringComparer.Ordinal);
        foreach (var held in HeldSpace.ReadAll(store.EngineSession.Db).Where(h => !h.IsGone && !_spaces.ContainsKey(h.Space) && !SpaceNames.IsCatalog(h.Space)))
        {
            warnings.Add($"The server knows nothing of the space {held.Space}, neither that you are a member nor that you were: it was restored, or is another one. Its rows stay here and are not synced.");
        }
    }

    /// <summary>Is a space to be taken up, or left?</summary>
    public bool HasMoved() => Joined().Any() || Left().Any();

    /// <summary>Takes up spaces that were joined, and takes away the rows of those that were left.</summary>
    public void Settle(EngineTransaction transaction, SyncBatchContext context, Engines.Integrity.GateMode gate, List<string> warnings)
    {
        if (!HasMoved())
        {
            return;
        }

        transaction.Run(EngineTransactionKind.Guarded, home =>
        {
            foreach (var left in Left().ToArray())
            {
                var session = new StoreSession(home.Db, home, left.Remote, left.Context) { Space = left.Space };
                session.Refresh();
                var rows = new SpaceLeaver(session, environment, context, transaction.LockToken).Leave();
                var letters = session.Outbox.ReadAll(CommandStatus.DeadLetter).Count;
                warnings.Add($"You are no member of the space {left.Space} any more: {rows} rows were taken out of this file."
                    + (letters == 0 ? "" : $" {letters} edits that were not sent are kept as dead letters."));
            }

            foreach (var space in Joined().ToArray())
            {
                HeldSpace.Take(home.Db, SpaceNames.IsCatalog(space) ? "" : store.User, space); // A catalog is nobody's in particular.
            }

            new Engines.Integrity.IntegrityGate(home, gate).Check(context);
            context.ClearTouched();
        });
    }

    /// <summary>The spaces of the file that can be synced: catalogs first, because rows of all others may refer to theirs, then the user's own one.</summary>
    public IReadOnlyList<StoreSession> Sessions() =>
        [.. store.SessionsOf(store.EngineSession, withGone: false, IsOthersCatalog)
            .Where(s => s.Space is not { } name || (_spaces.TryGetValue(name, out var space) && space.Role != SpaceRoles.Removed))
            .OrderBy(s => s.Space is { } name && SpaceNames.IsCatalog(name) ? 0 : 1)];

    private bool IsOthersCatalog(string space) => SpaceNames.IsCatalog(space) && _spaces.TryGetValue(space, out var known) && !SpaceRoles.MayWrite(known.Role);

    private IEnumerable<string> Joined()
    {
        var held = HeldSpace.ReadAll(store.EngineSession.Db).Where(h => !h.IsGone).Select(h => h.Space).ToHashSet(StringComparer.Ordinal);
        return _spaces.Values.Where(s => s.Role != SpaceRoles.Removed && !held.Contains(s.Space) && IsWanted(s.Space)).Select(s => s.Space).Order(StringComparer.Ordinal);
    }

    private IEnumerable<HeldSpace> Left() =>
        HeldSpace.ReadAll(store.EngineSession.Db).Where(h => !h.IsGone && _spaces.TryGetValue(h.Space, out var space) && space.Role == SpaceRoles.Removed);

    // Of all catalogs of a server those that the model names.
    private bool IsWanted(string space) =>
        !SpaceNames.IsCatalog(space) || store.Model.Entities.Any(e => e.Catalog is { } name && space == SpaceNames.CatalogPrefix + name);
}
