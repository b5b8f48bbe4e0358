#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Engines.Pull;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Model.Cursors;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// Brings fetched pages into the tables. What fits one slice is one transaction; more is cut into slices between positions,
/// each with its own gate; deletions, cursors and the end of the staging come with the last one.
/// </summary>
internal sealed class ApplyEngine(EngineTransaction transaction, SyncEnvironment environment, SyncBatchContext context, PullOptions options, PullReport report, Action<IntegrityReport> addIntegrity, GateMode gateMode)
{
    private const int FirstSliceRows = 4000;
    private const string UnreadableKey = "\"#";
    private static readonly Dictionary<RowId, long> NoneGoing = [];
    private readonly List<IncomingRow> _deletions = [];
    private readonly List<Change> _slice = [];
    private int _sliceRows = FirstSliceRows;

    public async Task RunAsync(FetchedPages fetched, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        if (fetched.Last is not { } tail || !fetched.Complete)
        {
            return;
        }

        var rows = 0L;
        var cursors = new Dictionary<string, EntityCursor>(StringComparer.Ordinal);
        var pause = Task.CompletedTask; // The app's turn.
        await foreach (var page in DecodedAsync(fetched).ConfigureAwait(false))
        {
            NoteCursors(cursors, page.Tail);
            foreach (var change in page.Changes)
            {
                if (_slice.Count >= _sliceRows && change.Version != _slice[^1].Version)
                {
                    await pause.ConfigureAwait(false);
                    rows += _slice.Count;
                    ApplySlice();
                    progress?.Report(new SyncProgress(SyncPhase.Apply, rows, null, 0));
                    pause = environment.DelayAsync(TimeSpan.FromMilliseconds(options.SlicePauseMs), cancellationToken);
                }

                _slice.Add(change);
            }
        }

        await pause.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        foreach (var (type, cursor) in cursors)
        {
            context.DeferCursor(type, cursor);
        }

        ApplyLast(tail, fetched);
        progress?.Report(new SyncProgress(SyncPhase.Apply, rows + _slice.Count, rows + _slice.Count, 0));
    }

    // While one page is applied, the next is decoded beside it, with the digests of its rows.
    private async IAsyncEnumerable<ChangesPage> DecodedAsync(FetchedPages fetched)
    {
        if (fetched.Only is { } only)
        {
            yield return only;
            yield break;
        }

        var (stage, model) = (transaction.Session.Stage, transaction.Session.Model);
        var bodies = new Queue<long>(stage.Pages());
        Task<ChangesPage> DecodeAsync(byte[] body) => environment.BesideAsync(() => Digested(ChangesPage.Read(body, model)));

        var next = DecodeAsync(stage.Read(bodies.Dequeue()));
        while (bodies.TryDequeue(out var number))
        {
            var page = await next.ConfigureAwait(false);
            next = DecodeAsync(stage.Read(number));
            yield return page;
        }

        yield return await next.ConfigureAwait(false);
    }

    private static ChangesPage Digested(ChangesPage page)
    {
        using var writer = new CanonicalJsonWriter();
        foreach (var change in page.Changes)
        {
            if (change.Row is { } row)
            {
                _ = RowDigest.Of(row, writer);
            }
        }

        return page;
    }

    private IEnumerable<ChangesPage> Pages(FetchedPages fetched)
    {
        if (fetched.Only is { } only)
        {
            yield return only;
            yield break;
        }

        foreach (var number in transaction.Session.Stage.Pages())
        {
            yield return ChangesPage.Read(transaction.Session.Stage.Read(number), transaction.Session.Model);
        }
    }

    private void ApplySlice()
    {
        var started = environment.Time.GetTimestamp();
        transaction.Run(EngineTransactionKind.Guarded | EngineTransactionKind.Cheap, s =>
        {
            var applier = NewApplier(s);
            ApplyUpserts(s, applier, Incoming(s, _slice), isLast: false);
            report.Conflicts += applier.Conflicts;
            CheckGate(s);
        });
        var elapsedMs = Math.Max(1, environment.Time.GetElapsedTime(started).TotalMilliseconds);
        _sliceRows = Math.Clamp((int)(_slice.Count * options.SliceMs / elapsedMs), 200, 50_000);
        _slice.Clear();
    }

    private void ApplyLast(ChangesPageTail tail, FetchedPages fetched)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.CursorBeforeApply))
        {
            transaction.Run(EngineTransactionKind.Cheap, s =>
            {
                s.Remotes.SetCursor(tail.NextCursor);
                s.Stage.Clear();
            });
        }
#endif
        transaction.Run(EngineTransactionKind.Guarded | EngineTransactionKind.Cheap, s =>
        {
            s.Remotes.Note(tail.Epoch, tail.Mark);
            var applier = NewApplier(s);
            ApplyUpserts(s, applier, Incoming(s, _slice), isLast: true);
            RetryAside(s, applier);
            var knots = new KnotApplier(s, environment, context);
            if (s.HasAside && (knots.BringCycles(report) | knots.Untie(_deletions, report)))
            {
                report.Conflicts += applier.Conflicts;
                applier = NewApplier(s); // What it knew of parents is no longer so.
                RetryAside(s, applier);
            }

            var deletions = new DeletionApplier(s, environment, context, applier);
            _deletions.AddRange(ConcludeFromListing(s, applier, fetched, tail.Until));
            CheckDeleteLimit(s);
            deletions.Apply(_deletions);
            report.Deleted += deletions.Applied;
            report.Failed += deletions.PutAside;
            report.Conflicts += applier.Conflicts + deletions.Conflicts;
            if (deletions.Applied > 0)
            {
                RetryAside(s, applier); // A deleted row may have held the unique value another one waits for.
            }

            CheckGate(s);
            foreach (var (type, cursor) in context.DeferredCursors)
            {
                s.Cursors.Advance(type, cursor);
            }

            s.Remotes.SetCursor(tail.NextCursor);
            s.Remotes.SetResync(null);
            s.Stage.Clear();
            report.Aside = s.Aside.Count();
        });
        context.ClearDeferred();
    }

    private RowApplier NewApplier(StoreSession s) => new(s, environment, context) { IsGoing = id => _deletions.Exists(d => d.Id == id) };

    private IEnumerable<IncomingRow> Incoming(StoreSession s, List<Change> changes)
    {
        foreach (var change in changes)
        {
            if (change.Fault is { } fault || change.Type is null)
            {
                PutAsideRaw(s, change, change.Fault?.Message ?? "unknown type");
                continue;
            }

            var incoming = new IncomingRow(s.Table(change.Type), change.Key, change.Version, change.Row, change.Origin, change.Raw) { Removed = change.Operation == Operation.Remove, MadeBy = change.MadeBy, ContentVersion = change.ContentVersion };
            if (change.Operation is Operation.Delete or Operation.Remove)
            {
                _deletions.Add(incoming with { Raw = change.Raw.ToArray() });
            }
            else if (change.Row is null)
            {
                PutAsideRaw(s, change, "an upsert without its row");
            }
            else
            {
                yield return incoming;
            }
        }
    }

    private void PutAsideRaw(StoreSession s, Change change, string detail)
    {
        var key = change.Key.Count > 0 ? change.Key.ToString() : UnreadableKey + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(change.Raw.Span))[..16] + "\"";
        s.HasAside = true;
        s.Aside.Put(change.TypeName, key, change.Version, AsideCause.Unreadable, detail, change.Raw.ToArray(), environment.NowMs);
        CountFailed(change.TypeName);
    }

    private void ApplyUpserts(StoreSession s, RowApplier applier, IEnumerable<IncomingRow> incoming, bool isLast)
    {
        var clashes = new List<IncomingRow>();
        foreach (var row in incoming.OrderBy(r => s.Model.Graph.RankOf(r.Table.Type)))
        {
            Count(row, applier.Upsert(row), clashes);
        }

        if (clashes.Count > 0)
        {
            new ClashApplier(s, applier, context, environment.NowMs, isLast ? Going() : NoneGoing).Apply(clashes, (row, outcome) => Count(row, outcome, []));
        }
    }

    // Deletions come with the last slice: only there does a row go for the sake of another.
    private Dictionary<RowId, long> Going() => _deletions.DistinctBy(d => d.Id).ToDictionary(d => d.Id, d => d.Version);

    // Rows put aside earlier: as long as one finds its place, others may find theirs behind it.
    private void RetryAside(StoreSession s, RowApplier applier)
    {
        if (!s.HasAside)
        {
            return;
        }

        var applied = true;
        while (applied)
        {
            applied = false;
            var clashes = new List<IncomingRow>();
            foreach (var aside in s.Aside.ReadAll())
            {
                if (IncomingRow.FromAside(s, aside) is not { } incoming)
                {
                    continue;
                }

                if (incoming.Row is null)
                {
                    _deletions.RemoveAll(d => d.Id == incoming.Id);
                    _deletions.Add(incoming);
                    continue;
                }

                var outcome = applier.Upsert(incoming);
                applied |= outcome is ApplyOutcome.Applied or ApplyOutcome.Merged;
                if (outcome == ApplyOutcome.Clash)
                {
                    clashes.Add(incoming);
                }
                else if (outcome is ApplyOutcome.Applied or ApplyOutcome.Merged)
                {
                    Count(incoming, outcome, []);
                }
            }

            new ClashApplier(s, applier, context, environment.NowMs, Going()).Apply(clashes, (row, outcome) =>
            {
                applied |= outcome is ApplyOutcome.Applied or ApplyOutcome.Merged;
            });
        }
    }

    // When all was listed from the start, after the retention, a restore, or under a new name of this store, rows the server no longer lists are gone there: deletions as any others,
    // within the limit, pending edits and all; what waits here of them waits no more. What was pushed after the listing began is not in it, nor what a restored server has lost and not taken again.
    private List<IncomingRow> ConcludeFromListing(StoreSession s, RowApplier applier, FetchedPages fetched, long until)
    {
        if (s.Remotes.Read().Resync is not { } reason || reason is not (ResyncReason.Retention or ResyncReason.Restored))
        {
            return [];
        }

        var listed = new HashSet<RowId>();
        foreach (var change in Pages(fetched).SelectMany(p => p.Changes).Where(c => c.Type is not null && c.Key.Count > 0))
        {
            listed.Add(new RowId(s.Table(change.Type!).Number, change.Key));
            if (reason == ResyncReason.Retention && change.Row is not null)
            {
                OfferNewer(s, s.Table(change.Type!), change);
            }
        }

        if (s.HasAside)
        {
            DropUnlistedAside(s, fetched, until);
        }

        var unlisted = new List<IncomingRow>();
        foreach (var table in s.Tables)
        {
            var entries = s.Db.Query($"SELECT {table.MetaKeys}, version FROM {table.RowTable} WHERE remote = ?1", st => (Key: table.KeyAt(st, 0), Version: st.ColumnInt64(table.KeyColumns.Count)), Value.Integer(s.Remote));
            unlisted.AddRange(entries
                .Where(e => e.Version <= until && !listed.Contains(new RowId(table.Number, e.Key)) && (reason == ResyncReason.Retention || !IsLost(s, applier, table, e.Key)))
                .Select(e => new IncomingRow(table, e.Key, e.Version + 1, null, null, default)));
        }

        return unlisted;
    }

    // A row that waits here and is gone there waits for nothing (what a restored server has lost does not wait any more since the resync began); what came without a readable key cannot be looked for.
    private void DropUnlistedAside(StoreSession s, FetchedPages fetched, long until)
    {
        var listed = Pages(fetched).SelectMany(p => p.Changes).Where(c => c.Key.Count > 0).Select(c => (c.TypeName, c.Key.ToString())).ToHashSet();
        foreach (var aside in s.Aside.ReadAll().Where(a => a.Version <= until && !listed.Contains((a.Type, a.Key)) && !a.Key.StartsWith(UnreadableKey, StringComparison.Ordinal)))
        {
            s.Aside.Drop(aside.Type, aside.Key, aside.Version);
        }
    }

    // The server shows an older version than this device has seen: it was restored, and has forgotten the commits that would tell.
    private static void OfferNewer(StoreSession s, EntityTable table, Change change)
    {
        var entry = table.ReadEntry(s.Db, change.Key, s.Remote);
        var known = entry?.Version ?? (s.HasTombstones ? s.Tombstones.VersionOf(table.Number, change.Key) : 0);
        if (known > change.Version)
        {
            s.Offers.Note(new NotedOffer(table.Number, change.Key.ToString(), known, Deleted: entry is null));
        }
    }

    private static bool IsLost(StoreSession s, RowApplier applier, EntityTable table, EntityKey key) =>
        applier.IsOutstanding(new RowId(table.Number, key)) || s.Offers.Contains(table.Number, key.ToString());

    private void CheckDeleteLimit(StoreSession s)
    {
        if (options.AllowManyDeletes)
        {
            return;
        }

        foreach (var group in _deletions.Where(d => !d.Removed).GroupBy(d => d.Table))
        {
            var count = group.Count(d => group.Key.ReadEntry(s.Db, d.Key, s.Remote) is not null);
            if (count <= options.DeleteFreeRows)
            {
                continue;
            }

            var rows = s.Db.ScalarInt64($"SELECT count(*) FROM {group.Key.RowTable} WHERE remote = ?1", Value.Integer(s.Remote));
            if (count > rows * options.DeleteShareMax)
            {
                throw new SyncException(
                    SyncErrorCode.DeleteLimit,
                    $"The server asks to delete {count} of {rows} rows of {group.Key.Type.Name}. Nothing was deleted. If that is meant, run again with deletions allowed (`tidemark sync --allow-deletes`).");
            }
        }
    }

    // Within one position ids have the order of their keys, not of their text: the last page's word counts.
    private static void NoteCursors(Dictionary<string, EntityCursor> cursors, ChangesPageTail tail)
    {
        foreach (var (type, cursor) in tail.EntityCursors)
        {
            if (!cursors.TryGetValue(type, out var former) || cursor.LastCreatedAt >= former.LastCreatedAt.Value)
            {
                cursors[type] = new EntityCursor(new Position(cursor.LastCreatedAt), cursor.LastId);
            }
        }
    }

    private void Count(IncomingRow row, ApplyOutcome outcome, List<IncomingRow> clashes)
    {
        switch (outcome)
        {
            case ApplyOutcome.Applied:
                report.Applied++;
                break;
            case ApplyOutcome.Merged:
                report.Merged++;
                break;
            case ApplyOutcome.PutAside:
                CountFailed(row.Table.Type.Name);
                break;
            case ApplyOutcome.Clash:
                clashes.Add(row);
                break;
        }
    }

    private void CountFailed(string type)
    {
        report.Failed++;
        report.FailedByType[type] = report.FailedByType.GetValueOrDefault(type) + 1;
    }

    private void CheckGate(StoreSession s)
    {
        addIntegrity(new IntegrityGate(s, gateMode).Check(context));
        context.ClearTouched();
    }
}
