using Microsoft.Data.Sqlite;
using Tidemark.Client.Environment;
using Tidemark.Health.Sync;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Health.Storage;

/// <summary>What is remembered of a type. Times are milliseconds since 1970.</summary>
internal sealed record TypeState(string Type, long? Looked, long? Sample, long? Sent, HealthTrouble Trouble, string? Reason, long? Until);

/// <summary>How the last look at every type ended, kept over restarts. A type without a name is the whole.</summary>
internal sealed class StateTable(SqliteConnection connection, SyncEnvironment environment)
{
    private const string OwedPrefix = "recheck:";

    /// <summary>The source has answered: it can be read.</summary>
    public void Looked(string type, IReadOnlyList<HealthSample> samples)
    {
        var last = samples.Count == 0 ? Value.Null : Value.Integer(samples.Max(s => s.EndMs));
        connection.Run(
            "INSERT INTO _tm_health_state(type, looked, sample, trouble) VALUES(?1, ?2, ?3, 0) ON CONFLICT(type) DO UPDATE SET looked = excluded.looked, sample = max(coalesce(sample, excluded.sample), coalesce(excluded.sample, sample)), trouble = 0, reason = NULL, until = NULL",
            Value.Text(type), Value.Integer(environment.NowMs), last);
    }

    /// <summary>Everything of a type that was handed to the server has a verdict.</summary>
    public void Sent(string type) =>
        connection.Run(
            "INSERT INTO _tm_health_state(type, sent, trouble) VALUES(?1, ?2, 0) ON CONFLICT(type) DO UPDATE SET sent = excluded.sent, trouble = CASE WHEN trouble = ?3 THEN 0 ELSE trouble END, reason = CASE WHEN trouble = ?3 THEN NULL ELSE reason END",
            Value.Text(type), Value.Integer(environment.NowMs), Value.Integer((int)HealthTrouble.NotSent));

    public void Troubled(string type, HealthTrouble trouble, string reason, TimeSpan? after = null) =>
        connection.Run(
            "INSERT INTO _tm_health_state(type, trouble, reason, until) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(type) DO UPDATE SET trouble = excluded.trouble, reason = excluded.reason, until = excluded.until",
            Value.Text(type), Value.Integer((int)trouble), Value.Text(reason), after is { } wait ? Value.Integer(environment.NowMs + (long)wait.TotalMilliseconds) : Value.Null);

    /// <summary>What waits could not be sent, whatever was captured since.</summary>
    public void Unsent(string reason, TimeSpan? after) =>
        connection.Run(
            "UPDATE _tm_health_state SET trouble = ?1, reason = ?2, until = ?3 WHERE trouble IN (0, ?1) AND type IN (SELECT type FROM _tm_health_queue WHERE status IN (0, 2))",
            Value.Integer((int)HealthTrouble.NotSent), Value.Text(reason), after is { } wait ? Value.Integer(environment.NowMs + (long)wait.TotalMilliseconds) : Value.Null);

    /// <summary>The source had forgotten the anchor: what was deleted since is found by comparison alone.</summary>
    public void OweRecheck(string type) => connection.Run("INSERT INTO _tm_health_meta(key, value) VALUES(?1, 1) ON CONFLICT(key) DO NOTHING", Value.Text(OwedPrefix + type));

    public void PaidRecheck(string type) => connection.Run("DELETE FROM _tm_health_meta WHERE key = ?1", Value.Text(OwedPrefix + type));

    public HashSet<string> OwedRechecks() => connection.Query("SELECT key FROM _tm_health_meta WHERE key GLOB ?1", Value.Text(OwedPrefix + "*")).Select(r => r[0].AsText[OwedPrefix.Length..]).ToHashSet(StringComparer.Ordinal);

    /// <summary>A word that is kept.</summary>
    public string? Note(string name) => connection.Scalar("SELECT value FROM _tm_health_meta WHERE key = ?1", Value.Text(name)) is { Kind: ValueKind.Text } text ? text.AsText : null;

    public void Note(string name, string word) => connection.Run("INSERT INTO _tm_health_meta(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value", Value.Text(name), Value.Text(word));

    public TypeState? Find(string type) => All().Find(s => s.Type == type);

    public List<TypeState> All() => connection.Query("SELECT type, looked, sample, sent, trouble, reason, until FROM _tm_health_state ORDER BY type")
        .ConvertAll(r => new TypeState(r[0].AsText, Of(r[1]), Of(r[2]), Of(r[3]), r[4].Kind == ValueKind.Integer ? (HealthTrouble)r[4].AsInteger : HealthTrouble.None, r[5].Kind == ValueKind.Text ? r[5].AsText : null, Of(r[6])));

    private static long? Of(Value value) => value.Kind == ValueKind.Integer ? value.AsInteger : null;
}
