using System.Text;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>
/// Reads what a person or a program wants to know of a store. Changes nothing; each call sees one snapshot of what is committed, and neither waits for a run nor
/// makes it wait.
/// </summary>
public sealed class StoreInspector(LocalStore store)
{
    public StoreStatus Status() => store.Look(StatusOf);

    public IReadOnlyList<HistoryEntry> History(int limit) => store.Look(s => new HistoryRepository(s.Db).Read(limit));

    public IReadOnlyList<OutboxItem> Outbox(int limit) => [.. store.LookAtAll(s => OutboxOf(s, limit)).SelectMany(o => o).Take(limit)];

    public IReadOnlyList<DeadLetter> DeadLetters() => [.. store.LookAtAll(DeadLettersOf).SelectMany(d => d)];

    /// <summary>Pulled rows that cannot be applied yet, the oldest version first.</summary>
    public IReadOnlyList<AsideItem> Aside() => store.Look(AsideActions.Read);

    /// <summary>The story of one row.</summary>
    /// <param name="type">The entity type's name.</param>
    /// <param name="id">Its key in wire form, or as plain text.</param>
    /// <exception cref="ArgumentException">The model has no such type, or the text is no key of it.</exception>
    public RowStory Explain(string type, string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return store.Look(s =>
        {
            var table = s.FindTable(type) ?? throw new ArgumentException($"The model has no entity type {type}.", nameof(type));
            return SeveralSchema.Exists(s.Db) ? new SeveralStory(s, table, KeyOf(table.Type, id)).Tell() : new StoryTeller(s, table, KeyOf(table.Type, id)).Tell();
        });
    }

    /// <summary>A key as a person writes it.</summary>
    /// <param name="type">The entity type's name.</param>
    /// <param name="id">The key in wire form, or as plain text.</param>
    /// <exception cref="ArgumentException">The model has no such type, or the text is no key of it.</exception>
    public EntityKey KeyOf(string type, string id) =>
        KeyOf(store.Model.Find(type) ?? throw new ArgumentException($"The model has no entity type {type}.", nameof(type)), id);

    /// <summary>Recorded conflicts, the newest first.</summary>
    public IReadOnlyList<ConflictRecord> Conflicts(int limit, bool onlyOpen) => [.. store.LookAtAll(s => s.Conflicts.Read(limit, onlyOpen)).SelectMany(c => c).OrderByDescending(c => c.Id).Take(limit)];

    public ConflictRecord? Conflict(long id) => store.LookAtAll(s => s.Conflicts.Find(id)).FirstOrDefault(c => c is not null);

    /// <summary>Runs the recorded conflicts through a model, the store's own when none is given, and names those that would come out differently.</summary>
    public ReplayReport ReplayConflicts(Model.Entities.SyncModel? model = null) =>
        store.Look(s => ConflictReplay.Run(s.Conflicts.Read(int.MaxValue).AsEnumerable().Reverse(), model ?? store.Model, s.Handlers, s.Merges));

    public IReadOnlyList<CursorStatus> Cursors() => store.Look(CursorsOf);

    private StoreStatus StatusOf(StoreSession s)
    {
        var meta = new MetaRepository(s.Db);
        return new StoreStatus
        {
            Path = store.Path,
            StoreId = meta.Text(MetaRepository.StoreId) ?? "",
            DeviceId = meta.Text(MetaRepository.DeviceId) ?? "",
            User = store.User,
            ModelHash = store.Model.Hash,
            Types = [.. s.Tables.Select(t => StatusOf(s, t))],
            Ledger = s.Outbox.ReadLedger(),
            Remote = s.Remotes.Read(),
            LastRun = new HistoryRepository(s.Db).Read(1).FirstOrDefault(),
            Diverged = [.. store.SessionsOf(s, withGone: true).SelectMany(a => a.Outbox.ReadAll(CommandStatus.DeadLetter)).Select(c => $"{NameOf(s, c.Type)} {c.Key}")],
            Warnings = Tidemark.Sqlite.SqliteFile.VersionWarning is { } warning ? [warning] : [],
        };
    }

    private static List<OutboxItem> OutboxOf(StoreSession s, int limit)
    {
        var items = s.Outbox.ReadAll(null, limit)
            .Select(c => new OutboxItem(
                OutboxRepository.NameOf(c.Status), NameOf(s, c.Type), c.Key, OperationNames.NameOf(c.Operation), DateTimeOffset.FromUnixTimeMilliseconds(c.StateUpdatedAtMs),
                c.Attempts, c.LastCode, c.LastError, c.Id, c.FirstSeq))
            .ToList();
        foreach (var touch in s.Outbox.ReadTouches(0, limit).Where(t => t.Type != 0))
        {
            var table = s.FindTable(touch.Type);
            var key = table is null ? default : new EntityKey(touch.Key.AsSpan(0, table.KeyColumns.Count).ToArray());
            items.Add(new OutboxItem("TOUCHED", NameOf(s, touch.Type), Safe(key), touch.Op, DateTimeOffset.FromUnixTimeMilliseconds(touch.AtMs), 0, null, null, null, touch.Seq));
        }

        return SeveralSchema.Exists(s.Db) ? [.. items, .. SeveralOutbox.Read(s, limit)] : items;
    }

    private static List<DeadLetter> DeadLettersOf(StoreSession s) =>
        [.. s.Outbox.ReadAll(CommandStatus.DeadLetter).Select(c => new DeadLetter
        {
            Id = c.Id,
            Type = NameOf(s, c.Type),
            Key = c.Key,
            Operation = OperationNames.NameOf(c.Operation),
            Code = c.LastCode ?? "",
            Reason = c.LastError ?? "",
            Field = c.Field,
            Attempts = c.Attempts,
            Command = Encoding.UTF8.GetString(c.Payload),
            ServerRow = c.ServerRow is { } row ? Encoding.UTF8.GetString(row) : null,
            Dependents = [.. Dependents.Of(s, c).Select(d => $"{d.Table.Type.Name} {Safe(d.Key)}")],
        })];

    // A shell eats the quotes of "a": what is no JSON is taken for the text itself.
    private static EntityKey KeyOf(Model.Entities.EntityType type, string id)
    {
        foreach (var text in new[] { id, System.Text.Json.JsonSerializer.Serialize(id, KeyJson.Default.String) })
        {
            try
            {
                var reader = new System.Text.Json.Utf8JsonReader(Encoding.UTF8.GetBytes(text));
                reader.Read();
                return WireRow.ReadKey(type, ref reader);
            }
            catch (Exception e) when (e is WireFormatException or System.Text.Json.JsonException)
            {
                // The next reading.
            }
        }

        throw new ArgumentException($"{id} is no key of {type.Name}.", nameof(id));
    }

    private static List<CursorStatus> CursorsOf(StoreSession s)
    {
        var safe = s.Cursors.ReadSafe();
        var aside = s.Aside.ReadAll().GroupBy(a => a.Type, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.LongCount(), StringComparer.Ordinal);
        return [.. s.Cursors.ReadAll().Cursors.Select(c => new CursorStatus(
            c.Key, c.Value.LastCreatedAt.Value, WireTime.OfPosition(c.Value.LastCreatedAt.Value), c.Value.LastId, safe[c.Key], aside.GetValueOrDefault(c.Key)))];
    }

    private static TypeStatus StatusOf(StoreSession s, EntityTable table) => new(
        table.Type.Name,
        s.Db.ScalarInt64($"SELECT count(*) FROM {table.Name}"),
        s.Db.ScalarInt64($"SELECT count(*) FROM {table.RowTable}"),
        s.Db.ScalarInt64($"SELECT count(*) FROM (SELECT DISTINCT {table.MetaKeys} FROM _tm_touch WHERE type = ?1)", Value.Integer(table.Number))
            + s.Db.ScalarInt64("SELECT count(*) FROM _tm_command WHERE type = ?1 AND status <> 'DEAD_LETTER'", Value.Integer(table.Number)),
        s.Db.ScalarInt64("SELECT count(*) FROM _tm_command WHERE type = ?1 AND status = 'DEAD_LETTER'", Value.Integer(table.Number)),
        s.Db.ScalarInt64("SELECT count(*) FROM _tm_aside WHERE type = ?1", Value.Text(table.Type.Name)));

    private static string NameOf(StoreSession s, int type) => s.FindTable(type)?.Type.Name ?? "#" + type.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static string Safe(EntityKey key)
    {
        try
        {
            return key.Count == 0 ? "" : key.ToString();
        }
        catch (InvalidOperationException)
        {
            return string.Join(", ", key.Parts.ToArray());
        }
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(string))]
internal sealed partial class KeyJson : System.Text.Json.Serialization.JsonSerializerContext;
