using Npgsql;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Verdicts;

/// <summary>The verdicts that a transaction has read or written, of its space.</summary>
internal sealed class VerdictBook(string schema, SpaceId space)
{
    private readonly Dictionary<UserId, Pages> _users = [];

    public Stack<Action>? Undo { get; set; }

    public bool TryFind(UserId user, Guid id, out RecordedVerdict? verdict)
    {
        verdict = null;
        return _users.TryGetValue(user, out var pages) && pages.Known.TryGetValue(id, out verdict);
    }

    public PlannedRead Load(UserId user, IReadOnlyList<Guid> ids) => new(VerdictStatements.Find(schema, space, user, ids), async (reader, token) =>
    {
        var pages = Of(user);
        while (await reader.ReadAsync(token).ConfigureAwait(false))
        {
            var pack = VerdictPack.Read(reader.GetFieldValue<byte[]>(1));
            pages.Packs.TryAdd(reader.GetGuid(0), pack);
            pack.ForEach(v => pages.Known.TryAdd(v.CommandId, v));
        }

        pages.Known.EnsureCapacity(pages.Known.Count + ids.Count);
        foreach (var id in ids)
        {
            pages.Known.TryAdd(id, null);
        }
    });

    /// <summary>What reads the verdicts of commands that were put without a look.</summary>
    public IEnumerable<PlannedRead> LoadUnseen() =>
        from user in _users
        where user.Value.Unseen.Count > 0
        let unseen = user.Value.New.Where(v => user.Value.Unseen.Contains(v.CommandId)).Select(v => v.CommandId).ToList()
        where unseen.Count > 0
        select Load(user.Key, unseen);

    public void Put(UserId user, RecordedVerdict verdict)
    {
        var pages = Of(user);
        var had = pages.Known.TryGetValue(verdict.CommandId, out var former);
        var wasUnseen = had || !pages.Unseen.Add(verdict.CommandId);
        pages.IsAnyAgain |= former is not null;
        pages.Known[verdict.CommandId] = verdict;
        pages.New.Add(verdict);
        if (Undo is { } undo)
        {
            undo.Push(TakingBack(pages, verdict, former, had, wasUnseen));
        }
    }

    /// <summary>Writes what was put; verdicts of rows written here get the position.</summary>
    /// <param name="pendingVersion">The version that stands for the position.</param>
    /// <param name="position">The position.</param>
    public IEnumerable<NpgsqlBatchCommand> Write(long pendingVersion, long position)
    {
        foreach (var (user, pages) in _users.Where(u => u.Value.New.Count > 0).OrderBy(u => u.Key.Value, StringComparer.Ordinal))
        {
            var packs = pages.Pack(pendingVersion, position);
            yield return VerdictStatements.Write(schema, space, user, [.. packs], position);
        }
    }

    // Made only where something can be undone.
    private static Action TakingBack(Pages pages, RecordedVerdict verdict, RecordedVerdict? former, bool had, bool wasUnseen) =>
        () =>
        {
            pages.New.RemoveAt(pages.New.Count - 1);
            if (had)
            {
                pages.Known[verdict.CommandId] = former;
                return;
            }

            pages.Known.Remove(verdict.CommandId);
            if (!wasUnseen)
            {
                pages.Unseen.Remove(verdict.CommandId);
            }
        };

    private Pages Of(UserId user)
    {
        if (!_users.TryGetValue(user, out var pages))
        {
            _users[user] = pages = new Pages();
        }

        return pages;
    }

    private sealed class Pages
    {
        /// <summary>As the transaction sees them; null: there is none.</summary>
        public Dictionary<Guid, RecordedVerdict?> Known { get; } = [];

        /// <summary>What the database has, by the last id.</summary>
        public Dictionary<Guid, List<RecordedVerdict>> Packs { get; } = [];

        public List<RecordedVerdict> New { get; } = [];

        /// <summary>One was put for which there was one already.</summary>
        public bool IsAnyAgain { get; set; }

        /// <summary>Put, and not looked for before.</summary>
        public HashSet<Guid> Unseen { get; } = [];

        // One that stands in a pack already takes its place there, so that an id is never in two.
        public IEnumerable<VerdictPack> Pack(long pendingVersion, long position) => IsAnyAgain || Unseen.Count > 0 ? PackAgain(pendingVersion, position) : VerdictPack.Of(New, pendingVersion, position);

        private List<VerdictPack> PackAgain(long pendingVersion, long position)
        {
            var fresh = New.AsEnumerable().Reverse().DistinctBy(v => v.CommandId).ToDictionary(v => v.CommandId);
            var packs = new List<VerdictPack>();
            foreach (var pack in Packs.Values.Where(p => p.Exists(v => fresh.ContainsKey(v.CommandId))))
            {
                packs.AddRange(VerdictPack.Of(pack.ConvertAll(v => fresh.Remove(v.CommandId, out var replaced) ? replaced : v), pendingVersion, position));
            }

            packs.AddRange(VerdictPack.Of([.. fresh.Values], pendingVersion, position));
            return packs;
        }
    }
}
