#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using System.Globalization;
using Tidemark.Client.Encryption;
using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination.Several;

/// <summary>What one merge came to.</summary>
internal sealed record MergeTally
{
    public int Applied { get; set; }

    public int Deleted { get; set; }

    public int Conflicts { get; set; }

    public int Quarantined { get; set; }
}

/// <summary>
/// The one place where what remotes show becomes rows of the file: local edits, everything that was staged, what was in quarantine, shadows, what is owed to whom,
/// tokens, the app's tables; one transaction. Rows go by type and key, remotes by number: nothing depends on who answered first.
/// </summary>
internal sealed class MergeStep(StoreSession session, SyncEnvironment environment, SyncModel remoteModel, SyncBatchContext context, List<string> warnings)
{
    private readonly JoinBook _book = new(session);
    private readonly PulledRepository _pulled = new(session.Db);
    private readonly QuarantineRepository _quarantine = new(session.Db);
    private readonly BackendRepository _backends = new(session.Db);
    private readonly MergeTally _tally = new();
    private readonly Dictionary<(string Type, string Key), (EntityType Type, EntityKey Key)> _projected = [];
    private readonly Judgement _judgement = new(session.Merges);
    private bool _isWhole;

    /// <param name="staged">Those that are there, with what they can do; the others are absent.</param>
    /// <param name="all">All remotes of the file.</param>
    /// <param name="isWhole">All of them have staged: rules that need all may decide.</param>
    public MergeTally Run(IReadOnlyDictionary<int, RemoteCapabilities> staged, IReadOnlyList<Backend> all, bool isWhole)
    {
        _isWhole = isWhole;
        var clock = _book.ReadClock();
        var now = environment.NowMs;
        var before = clock.Last;
        var ring = _book.ReadKeys();
        var edits = new LocalEdits(_book, clock, now, warnings);
        foreach (var row in edits.Take())
        {
            _book.ReckonAll(all, row, ring.Current?.Id);
            _projected[(row.Type.Name, row.Key.ToString())] = (row.Type, row.Key);
        }

        foreach (var backend in all.Where(b => staged.ContainsKey(b.Id) && HasListed(b)))
        {
            _quarantine.NoteUnlisted(backend.Id);
        }

        var tried = TriedWith(ring);
        var due = _quarantine.Due(tried, isWhole).Where(q => staged.ContainsKey(q.Pulled.Backend)).ToLookup(q => (q.Pulled.Row.Type, q.Pulled.Row.Key));
        var codec = new RemoteCodec(new FieldCipher(environment.Random), ring, now);
        foreach (var (type, key) in Keys(staged.Keys, due.Select(d => d.Key)))
        {
            MergeRow(type, key, staged, all, codec, clock, tried, [.. due[(type, key)]]);
        }

        foreach (var backend in all.Where(b => staged.ContainsKey(b.Id)))
        {
            Advance(backend, all, clock, ring);
        }

        var projection = new Projection(_book, context, edits.Unfit, now);
        projection.Run(_projected.Values);
        (_tally.Applied, _tally.Deleted) = (projection.Applied, projection.Deleted);
        if (clock.Last != before)
        {
            _book.WriteClock(clock);
        }

        return _tally;
    }

    /// <summary>What a row was tried with: other keys or another model may succeed.</summary>
    public string TriedWith(KeyRing ring) => session.Model.Hash[..16] + string.Concat(ring.Keys.Select(k => k.Id.ToString("N")[..8]));

    // Types parents first, unknown ones last; keys by their text.
    private List<(string Type, string Key)> Keys(IEnumerable<int> backends, IEnumerable<(string Type, string Key)> due)
    {
        var order = session.Model.Graph.SyncOrder.Select((t, i) => (t.Name, i)).ToDictionary(t => t.Name, t => t.i, StringComparer.Ordinal);
        order[RemoteModel.KeysType] = -1;
        return [.. backends.SelectMany(_pulled.Keys).Concat(due).Distinct()
            .OrderBy(k => order.GetValueOrDefault(k.Type, int.MaxValue)).ThenBy(k => k.Type, StringComparer.Ordinal).ThenBy(k => k.Key, StringComparer.Ordinal)];
    }

    private void MergeRow(
        string typeName, string wireKey, IReadOnlyDictionary<int, RemoteCapabilities> staged, IReadOnlyList<Backend> all, RemoteCodec codec, StampClock clock, string tried, List<QuarantinedRow> due)
    {
        var type = _book.TypeOf(typeName);
        EntityKey key = default;
        if (type is not null)
        {
            try
            {
                key = StoreSession.KeyFrom(type, wireKey);
            }
            catch (Exception e) when (e is WireFormatException or System.Text.Json.JsonException)
            {
                type = null;
            }
        }

        var local = type is null ? null : _book.ReadJoined(type, key);
        var candidates = new List<JoinedRow>();
        var shadows = new List<(int Backend, Shadow Shadow)>();
        var read = new List<PulledRow>();

        // Those without room for stamps last: a value that others show too is as old as they say.
        foreach (var backend in all.Where(b => staged.ContainsKey(b.Id)).OrderBy(b => !staged[b.Id].Stamps))
        {
            var known = staged[backend.Id].Stamps ? local : candidates.Aggregate(local, (row, shown) => row?.Join(shown) ?? shown);
            var rows = due.Where(q => q.Pulled.Backend == backend.Id).Select(q => q.Pulled).Concat(_pulled.Of(backend.Id, typeName, wireKey)).ToList();
            Shadow? shadow = null;
            var isRead = false;
            foreach (var row in rows)
            {
                var decoded = DecodeRow(row, type, key, staged[backend.Id], codec, known, candidates, tried, shadow, WriterAt(backend));
                isRead = decoded is not null;
                shadow = decoded is not null && row.IsGone ? Shadow.Missing(type!.Fields.Count) : decoded ?? shadow;
            }

            if (shadow is not null)
            {
                shadows.Add((backend.Id, shadow));
            }

            if (isRead)
            {
                read.Add(rows[^1]);
            }
        }

        if (shadows.Count == 0)
        {
            return;
        }

        JoinedRow? judged = null;
        if (local is not null && candidates.Count > 0 && _judgement.Concerns(type!) && !Judge(local, candidates.Aggregate((a, b) => a.Join(b)), read, due, clock, tried, out judged))
        {
            return;
        }

        read.ForEach(r => _quarantine.Close(r.Backend, typeName, wireKey));
        Take(type!, key, local, judged is null ? candidates : [judged], shadows, all, codec.Keys, clock, judged);
    }

    // Whoever counts at a remote and knows no stamps is one writer to all devices; null: remotes that have no word for what they are.
    private ulong WriterAt(Backend backend) =>
        (_pulled.Pages(backend.Id).LastOrDefault()?.Epoch ?? backend.Epoch) is { } epoch
            ? System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(epoch))) | (1UL << 63)
            : Stamp.Foreign;

    // False: it waits, as it came, and so does the edit that it meets.
    private bool Judge(JoinedRow local, JoinedRow theirs, List<PulledRow> read, List<QuarantinedRow> due, StampClock clock, string tried, out JoinedRow? judged)
    {
        judged = null;
        var pending = _judgement.Pending(local, clock.Node, _book.ReadShadows(local.Type, local.Key));
        var contested = Judgement.Contested(local, theirs, pending);
        if (contested.Count == 0)
        {
            return true;
        }

        var taken = due.Select(d => d.Tried).FirstOrDefault(t => t is QuarantineRepository.TakeLocal or QuarantineRepository.TakeServer);
        var rule = _judgement.RuleOf(local.Type, contested[0]);
        if (!_isWhole && taken is null)
        {
            Wait(read, QuarantineCause.RemotesAbsent, $"{rule} decides when all remotes are there; until then the edit made here stays here.", tried);
            return false;
        }

        var decision = _judgement.Decide(local, theirs, pending, contested, clock, environment.Now, taken is null ? null : taken == QuarantineRepository.TakeLocal);
        judged = decision.Row;
        var isAsked = _quarantine.IsAsked(local.Type.Name, local.Key.ToString());
        if (judged is null)
        {
            Wait(read, QuarantineCause.PersonNeeded, $"{decision.Merge.ManualReason} `tidemark conflicts settle`.", tried);
        }

        if (!isAsked)
        {
            Record(local, decision);
        }

        return judged is not null;
    }

    private void Wait(List<PulledRow> read, QuarantineCause cause, string detail, string tried)
    {
        read.ForEach(r => _quarantine.Put(r, new QuarantinedException(cause, detail), tried, environment.NowMs));
        _tally.Quarantined += read.Count;
    }

    private void Record(JoinedRow local, Judged decision)
    {
        _tally.Conflicts++;
        session.Conflicts.Add(new ConflictRecord
        {
            At = environment.Now,
            Type = local.Type.Name,
            Key = local.Key.ToString(),
            Outcome = decision.Row is null ? "MANUAL_REQUIRED" : decision.Row.ToRow().SameAs(decision.Theirs) ? "ADOPT_SERVER" : "REBASE_AND_RETRY",
            Base = decision.Base,
            Local = local.ToRow(),
            Server = decision.Theirs,
            Merged = decision.Row?.ToRow(),
            Fields = decision.Merge.Fields,
            Reason = decision.Merge.ManualReason,
        });
    }

    // What becomes of one version: a candidate and a shadow, or quarantine. It blocks no other row.
    private Shadow? DecodeRow(PulledRow pulled, EntityType? type, EntityKey key, RemoteCapabilities capabilities, RemoteCodec codec, JoinedRow? local, List<JoinedRow> candidates, string tried, Shadow? before, ulong writer)
    {
        try
        {
            if (type is null)
            {
                throw new QuarantinedException(QuarantineCause.UnknownSchema, $"This device's model does not have {pulled.Row.Type}, or not with such a key.");
            }

            var former = before ?? _book.ReadShadow(pulled.Backend, type, key);
            var decoded = codec.Decode(type, remoteModel.Get(type.Name), key, pulled.Row, capabilities.Stamps, former, local, writer);
            if (decoded.Row is { } row)
            {
                candidates.Add(row);
            }

            return decoded.Shadow;
        }
        catch (QuarantinedException e)
        {
#if TIDEMARK_MUTANTS
            if (Mutants.Is(Mutant.UnreadableSkipped))
            {
                return null;
            }
#endif
            _quarantine.Put(pulled, e, tried, environment.NowMs);
            _tally.Quarantined++;
            return null;
        }
    }

    private void Take(EntityType type, EntityKey key, JoinedRow? local, List<JoinedRow> candidates, List<(int Backend, Shadow Shadow)> shadows, IReadOnlyList<Backend> all, KeyRing ring, StampClock clock, JoinedRow? judged = null)
    {
        var row = local;
        if (candidates.Count > 0)
        {
#if TIDEMARK_MUTANTS
            local = Mutants.Is(Mutant.RemoteOverwritesEdit) ? null : local;
#endif
            var result = RowJoin.Merge(local, candidates, clock.Node, ordinal => IsSettled(type, key, local!, ordinal, all));
            row = judged ?? result.Row;
            clock.Saw(row.Newest);
            if (result.IsChanged || local is null)
            {
                _book.WriteJoined(row);
                _projected[(type.Name, key.ToString())] = (type, key);
                if (judged is null)
                {
                    Record(local, result);
                }
            }
        }

        foreach (var (backend, shadow) in shadows)
        {
            _book.WriteShadow(backend, type, key, shadow);
        }

        if (row is not null)
        {
            _book.ReckonAll(all, row, ring.Current?.Id);
        }
    }

    private bool IsSettled(EntityType type, EntityKey key, JoinedRow local, int ordinal, IReadOnlyList<Backend> all) =>
        all.All(b => _book.ReadShadow(b.Id, type, key) is { IsMissing: false } shadow
            && (ordinal < 0 ? shadow.DeletionStamp >= local.Deletion.Stamp : shadow.Fields[ordinal].IsThere && shadow.Fields[ordinal].Stamp >= local.Fields[ordinal].Stamp));

    private void Record(JoinedRow? local, JoinResult result)
    {
        if (result.Lost.Count == 0 || session.FindTable(result.Row.Type.Name) is null)
        {
            return;
        }

        _tally.Conflicts++;
        session.Conflicts.Add(new ConflictRecord
        {
            At = environment.Now,
            Type = result.Row.Type.Name,
            Key = result.Row.Key.ToString(),
            Outcome = ConflictRecord.Superseded,
            Local = local!.IsDeleted ? null : local.ToRow(),
            Server = result.Row.IsDeleted ? null : result.Row.ToRow(),
            Merged = result.Row.IsDeleted ? null : result.Row.ToRow(),
            IsServerDeleted = result.Row.IsDeleted,
            Fields = [.. result.Lost.Where(l => l.Ordinal >= 0).Select(l => new FieldMerge(result.Row.Type.Fields[l.Ordinal].Name, MergeRule.Policy, result.Row.Type.Fields[l.Ordinal].Policy, MergeSource.Remote))],
            Reason = string.Create(CultureInfo.InvariantCulture, $"A later edit by another device stands ({result.Lost[0].By.Stamp} after {result.Lost[0].Lost.Stamp})."),
        });
    }

    // The token moves with its rows: each of them is merged or in quarantine now.
    private void Advance(Backend backend, IReadOnlyList<Backend> all, StampClock clock, KeyRing ring)
    {
        var pages = _pulled.Pages(backend.Id);
        if (HasListed(backend))
        {
            TakeUnlisted(backend, all, clock, ring);
        }

        if (pages.LastOrDefault(p => p.TokenAfter is not null) is { } last)
        {
            _backends.SetToken(backend.Id, last.TokenAfter, last.Epoch, pages[^1].Page);
        }

        _pulled.Clear(backend.Id);
    }

    private bool HasListed(Backend backend) => backend.Listing != Listing.None && _pulled.Pages(backend.Id).Any(p => p.IsComplete);

    private void TakeUnlisted(Backend backend, IReadOnlyList<Backend> all, StampClock clock, KeyRing ring)
    {
        var listed = _pulled.Keys(backend.Id).ToHashSet();
        foreach (var (typeName, wireKey) in _book.ShadowKeys(backend.Id).Where(k => !listed.Contains(k)))
        {
            if (_book.TypeOf(typeName) is not { } type)
            {
                continue;
            }

            var key = StoreSession.KeyFrom(type, wireKey);
            var isComplete = backend.Listing == Listing.Complete;
#if TIDEMARK_MUTANTS
            isComplete |= Mutants.Is(Mutant.EmptiedTakesRows);
#endif
            var shadow = _book.ReadShadow(backend.Id, type, key);
            if (isComplete && shadow is { IsMissing: true })
            {
                continue; // As it was known.
            }

            if (isComplete && shadow is { IsDeleted: false })
            {
                // Deleted there while nobody looked: the deletion of what was known, as if it had been told.
                Take(type, key, _book.ReadJoined(type, key), [new JoinedRow(type, key, new StampedValue[type.Fields.Count], shadow.DeletedByOther(type))], [(backend.Id, Shadow.Missing(type.Fields.Count))], all, ring, clock);
                continue;
            }

            _book.DropShadow(backend.Id, type, key);
            if (_book.ReadJoined(type, key) is { } row)
            {
                _book.Reckon(backend, row, null, ring.Current?.Id);
            }
        }
    }
}
