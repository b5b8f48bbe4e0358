#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Encryption;
using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Remotes.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage.Several;

/// <summary>What a joined row looks like in the app's table when it is not as it is: not there, or without references that lead nowhere.</summary>
/// <param name="Row">Null: not there.</param>
/// <param name="Cause">Why.</param>
internal sealed record ShownOtherwise(Row? Row, string Cause);

/// <summary>Joined rows, shadows and what follows from them: what is owed to whom. All within a transaction.</summary>
internal sealed class JoinBook(StoreSession session)
{
    /// <summary>A value of the file's: every row is to be looked at once, because the way has just been taken.</summary>
    public const string TakeAll = "take_all";

    private const string ClockKey = "stamps";

    public StoreSession Session => session;

    private StoreConnection Db => session.Db;

    /// <summary>The type as devices have it; null: it is not known here.</summary>
    public EntityType? TypeOf(string name) => name == RemoteModel.KeysType ? RemoteModel.LocalKeys : session.Model.Find(name);

    public StampClock ReadClock()
    {
        var meta = new MetaRepository(Db);
        var last = Stamp.TryParse(meta.Text(ClockKey), out var kept) ? kept : Stamp.Zero;
        var device = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(meta.Text(MetaRepository.DeviceId)!));
        return new StampClock(last, System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(device) >> 1); // Never the foreign one.
    }

    public void WriteClock(StampClock clock) => new MetaRepository(Db).Set(ClockKey, Value.Text(clock.Last.ToString()));

    public JoinedRow? ReadJoined(EntityType type, EntityKey key) =>
        Db.Scalar("SELECT state FROM _tm_joined WHERE type = ?1 AND key = ?2", Value.Text(type.Name), Value.Text(key.ToString())) is { Kind: ValueKind.Blob } state
            ? RowStateJson.ReadRow(type, key, state.AsBlob)
            : null;

    /// <summary>How it is shown stays as it is.</summary>
    public void WriteJoined(JoinedRow row) =>
        Db.Execute("INSERT INTO _tm_joined(type, key, state) VALUES(?1, ?2, ?3) ON CONFLICT(type, key) DO UPDATE SET state = excluded.state",
            Value.Text(row.Type.Name), Value.Text(row.Key.ToString()), Value.Blob(RowStateJson.Write(row)));

    /// <summary>All rows of a type.</summary>
    public List<JoinedRow> ReadAllOf(EntityType type) =>
        Db.Query("SELECT key, state FROM _tm_joined WHERE type = ?1 ORDER BY key", s => RowStateJson.ReadRow(type, StoreSession.KeyFrom(type, s.Text(0)), s.BlobOrNull(1)!), Value.Text(type.Name));

    public ShownOtherwise? ReadShown(EntityType type, EntityKey key) =>
        Db.Query("SELECT shown, cause FROM _tm_joined WHERE type = ?1 AND key = ?2 AND shown IS NOT NULL",
            s => new ShownOtherwise(s.BlobOrNull(0) is { Length: > 0 } row ? RowBytes.Read(type, row) : null, s.Text(1)), Value.Text(type.Name), Value.Text(key.ToString())).FirstOrDefault();

    /// <param name="type">The type.</param>
    /// <param name="key">The row.</param>
    /// <param name="shown">Null: it is shown as it is.</param>
    public void WriteShown(EntityType type, EntityKey key, ShownOtherwise? shown) =>
        Db.Execute("UPDATE _tm_joined SET shown = ?3, cause = ?4 WHERE type = ?1 AND key = ?2 AND (shown IS NOT ?3 OR cause IS NOT ?4)",
            Value.Text(type.Name), Value.Text(key.ToString()), shown is null ? Value.Null : Value.Blob(shown.Row is { } row ? RowBytes.Of(row) : []), (shown?.Cause).OrNull());

    /// <summary>Rows that are not shown as they are.</summary>
    public List<(string Type, string Key, string Cause)> ReadHidden() =>
        Db.Query("SELECT type, key, cause FROM _tm_joined WHERE shown IS NOT NULL ORDER BY type, key", s => (s.Text(0), s.Text(1), s.Text(2)));

    /// <summary>What the app was last shown of a row; null: nothing.</summary>
    public Row? ShownOf(EntityType type, EntityKey key, JoinedRow? joined) =>
        joined is null ? null : ReadShown(type, key) is { } otherwise ? otherwise.Row : joined.IsDeleted ? null : joined.ToRow();

    public Shadow? ReadShadow(int backend, EntityType type, EntityKey key) =>
        Db.Query("SELECT version, state, extra FROM _tm_shadow WHERE backend = ?1 AND type = ?2 AND key = ?3",
            s => RowStateJson.ReadShadow(type, s.TextOrNull(0), s.BlobOrNull(1)!, s.BlobOrNull(2)), Value.Integer(backend), Value.Text(type.Name), Value.Text(key.ToString())).FirstOrDefault();

    /// <summary>What each remote of the file has shown of a row; null: nothing.</summary>
    public IReadOnlyList<Shadow?> ReadShadows(EntityType type, EntityKey key) => [.. new BackendRepository(Db).ReadAll().Select(b => ReadShadow(b.Id, type, key))];

    public void WriteShadow(int backend, EntityType type, EntityKey key, Shadow shadow)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.ShadowJoined) && ReadShadow(backend, type, key) is { } former)
        {
            for (var i = 0; i < shadow.Fields.Length; i++)
            {
                shadow.Fields[i] = former.Fields[i].Stamp > shadow.Fields[i].Stamp ? former.Fields[i] : shadow.Fields[i];
            }
        }
#endif
        Db.Execute("INSERT OR REPLACE INTO _tm_shadow(backend, type, key, version, state, extra) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
            Value.Integer(backend), Value.Text(type.Name), Value.Text(key.ToString()), shadow.Version.OrNull(), Value.Blob(RowStateJson.Write(type, shadow)), shadow.Extra.OrNull());
    }

    public void DropShadow(int backend, EntityType type, EntityKey key) =>
        Db.Execute("DELETE FROM _tm_shadow WHERE backend = ?1 AND type = ?2 AND key = ?3", Value.Integer(backend), Value.Text(type.Name), Value.Text(key.ToString()));

    /// <summary>Every row that the remote has shown.</summary>
    public List<(string Type, string Key)> ShadowKeys(int backend) =>
        Db.Query("SELECT type, key FROM _tm_shadow WHERE backend = ?1", s => (s.Text(0), s.Text(1)), Value.Integer(backend));

    /// <summary>Writes down whether the remote lacks something of the row. To be called whenever the row or the shadow has changed, in the same transaction.</summary>
    public void Reckon(Backend backend, JoinedRow row, Shadow? shadow, Guid? currentKey)
    {
        Value[] id = [Value.Integer(backend.Id), Value.Text(row.Type.Name), Value.Text(row.Key.ToString())];
        if (Shadow.IsOwed(row, shadow, currentKey))
        {
            Db.Execute("INSERT INTO _tm_owed(backend, type, key) VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET code = NULL, message = NULL", id);
        }
#if TIDEMARK_MUTANTS
        else if (Mutants.Is(Mutant.OneFlagForAllRemotes))
        {
            Db.Execute("DELETE FROM _tm_owed WHERE type = ?2 AND key = ?3 AND ?1 > 0", id);
        }
#endif
        else
        {
            Db.Execute("DELETE FROM _tm_owed WHERE backend = ?1 AND type = ?2 AND key = ?3", id);
        }
    }

    /// <summary>As <see cref="Reckon"/>, for all remotes.</summary>
    public void ReckonAll(IReadOnlyList<Backend> backends, JoinedRow row, Guid? currentKey)
    {
        foreach (var backend in backends)
        {
            Reckon(backend, row, ReadShadow(backend.Id, row.Type, row.Key), currentKey);
        }
    }

    /// <summary>What can be sent to a remote: not what it refused as it is, nor what is in quarantine there, nor what it has just shown otherwise.</summary>
    public List<(string Type, string Key)> Owed(int backend)
    {
        var isRead = "NOT EXISTS(SELECT 1 FROM _tm_quarantine AS q WHERE q.backend = o.backend AND q.type = o.type AND q.key = o.key)";
#if TIDEMARK_MUTANTS
        isRead = Mutants.Is(Mutant.UnreadableOverwritten) ? "TRUE" : isRead;
#endif
        return Db.Query(
            $"""
            SELECT o.type, o.key FROM _tm_owed AS o WHERE o.backend = ?1 AND o.code IS NULL AND {isRead}
              AND NOT EXISTS(SELECT 1 FROM _tm_pulled AS p WHERE p.backend = o.backend AND p.type = o.type AND p.key = o.key)
            ORDER BY o.type, o.key
            """,
            s => (s.Text(0), s.Text(1)), Value.Integer(backend));
    }

    /// <summary>All that is owed to remotes, refused or not.</summary>
    public List<(int Backend, string Type, string Key, string? Code, string? Message)> ReadOwed(int limit) =>
        Db.Query("SELECT backend, type, key, code, message FROM _tm_owed ORDER BY backend, type, key LIMIT ?1", s => ((int)s.ColumnInt64(0), s.Text(1), s.Text(2), s.TextOrNull(3), s.TextOrNull(4)), Value.Integer(limit));

    /// <summary>The remotes that lack something of a row, with the code and message of those that have refused it.</summary>
    public List<(string Remote, string? Code, string? Message)> DebtsOf(string type, string key) =>
        Db.Query("SELECT b.name, o.code, o.message FROM _tm_backend AS b CROSS JOIN _tm_owed AS o ON o.backend = b.id AND o.type = ?1 AND o.key = ?2 ORDER BY b.id",
            s => (s.Text(0), s.TextOrNull(1), s.TextOrNull(2)), Value.Text(type), Value.Text(key));

    /// <summary>It counts as refused since the first time, until the remote has it: refused again after an edit, or tried again, it is no newer.</summary>
    public void Refuse(int backend, string type, string key, string code, string message, long nowMs) =>
        Db.Execute("UPDATE _tm_owed SET code = ?4, message = ?5, refused_at = coalesce(refused_at, ?6) WHERE backend = ?1 AND type = ?2 AND key = ?3",
            Value.Integer(backend), Value.Text(type), Value.Text(key), Value.Text(code), Value.Text(message), Value.Integer(nowMs));

    /// <summary>The keys that this device can read with.</summary>
    public KeyRing ReadKeys() =>
        new(Db.Query("SELECT id, epoch, secret FROM _tm_key", s => new FieldKey(Guid.Parse(s.Text(0)), (int)s.ColumnInt64(1), s.BlobOrNull(2)!)));

    public void WriteKeys(KeyRing ring)
    {
        foreach (var key in ring.Keys)
        {
            Db.Execute("INSERT OR REPLACE INTO _tm_key(id, epoch, secret) VALUES(?1, ?2, ?3)", Value.Text(key.Id.ToString("D")), Value.Integer(key.Epoch), Value.Blob(key.Secret.ToArray()));
        }
    }
}
