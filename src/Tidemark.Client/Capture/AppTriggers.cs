using Microsoft.Data.Sqlite;
using Tidemark.Model.Values;
using Tidemark.Sqlite;
using Tidemark.Sqlite.Schema;

namespace Tidemark.Client.Capture;

/// <summary>What becomes of one of the app's own triggers.</summary>
public enum AppTriggerKind
{
    /// <summary>It writes no synced table: it fires during apply as well, so that the app's own tables follow.</summary>
    KeepAsIs,

    /// <summary>It writes synced tables: it rests during apply, because what it would write comes with the pulled rows.</summary>
    Guard,

    /// <summary>What it writes cannot be told: its table is not synced.</summary>
    Refuse,
}

public sealed record AppTriggerDecision(string Name, string Table, AppTriggerKind Kind, string Reason);

/// <summary>Classifies the app's own triggers, gives those that write synced tables the guard, and takes it back.</summary>
public static class AppTriggers
{
    private const string Kept = "_tm_trigger";

    /// <summary>One decision for every trigger of the app in the file, triggers of views and unsynced tables included: one trigger's write fires another.</summary>
    public static IReadOnlyList<AppTriggerDecision> Classify(SqliteConnection connection, IReadOnlyCollection<string> syncedTables)
    {
        ArgumentNullException.ThrowIfNull(syncedTables);
        var synced = syncedTables.ToHashSet(SqlName.Comparer);
        var known = connection.Query("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").Select(r => r[0].AsText).ToHashSet(SqlName.Comparer);
        return [.. Read(connection).Select(t => Decide(t, synced, known))];
    }

    /// <summary>Re-creates the triggers that are to be guarded; the original SQL is kept in the file. Inside the caller's transaction.</summary>
    public static void Guard(SqliteConnection connection, IReadOnlyList<AppTriggerDecision> decisions)
    {
        ArgumentNullException.ThrowIfNull(decisions);
        if (!decisions.Any(d => d.Kind == AppTriggerKind.Guard))
        {
            return;
        }

        var triggers = Read(connection).ToDictionary(t => t.Name, SqlName.Comparer);
        connection.Run($"CREATE TABLE IF NOT EXISTS {Kept}(name TEXT PRIMARY KEY, tbl TEXT NOT NULL, sql TEXT NOT NULL, guarded TEXT NOT NULL) WITHOUT ROWID");
        foreach (var decision in decisions.Where(d => d.Kind == AppTriggerKind.Guard))
        {
            var trigger = triggers[decision.Name];
            var guarded = TriggerSql.Parse(trigger.Sql)!.Guarded();
            Replace(connection, trigger.Name, guarded);
            connection.Run($"INSERT OR REPLACE INTO {Kept}(name, tbl, sql, guarded) VALUES(?1, ?2, ?3, ?4)", Value.Text(trigger.Name), Value.Text(trigger.Table), Value.Text(trigger.Sql), Value.Text(guarded));
        }
    }

    /// <summary>Gives every guarded trigger its original SQL back. A trigger that the app has changed or dropped since is left alone. Inside the caller's transaction.</summary>
    public static void Restore(SqliteConnection connection)
    {
        if (SchemaReader.Read(connection, Kept) is null)
        {
            return;
        }

        var standing = Read(connection).ToDictionary(t => t.Name, t => t.Sql, SqlName.Comparer);
        foreach (var row in connection.Query($"SELECT name, sql, guarded FROM {Kept} ORDER BY name"))
        {
            if (standing.TryGetValue(row[0].AsText, out var sql) && string.Equals(sql, row[2].AsText, StringComparison.Ordinal))
            {
                Replace(connection, row[0].AsText, row[1].AsText);
            }
        }

        connection.Run($"DELETE FROM {Kept}");
    }

    private static AppTriggerDecision Decide(TriggerSchema trigger, HashSet<string> synced, HashSet<string> known)
    {
        AppTriggerDecision As(AppTriggerKind kind, string reason) => new(trigger.Name, trigger.Table, kind, reason);

        var written = TriggerSql.Parse(trigger.Sql)?.WrittenTables();
        var strange = written?.FirstOrDefault(t => !known.Contains(t));
        if (written is null || strange is not null)
        {
            var why = written is null ? "its text cannot be read" : $"it writes {(strange!.Length == 0 ? "a table that cannot be told" : strange + ", which is not in the file")}";
            return synced.Contains(trigger.Table)
                ? As(AppTriggerKind.Refuse, why + ". Drop or mend the trigger, then adopt again.")
                : As(AppTriggerKind.KeepAsIs, why + "; its table is not synced.");
        }

        var touched = written.Where(synced.Contains).Distinct(SqlName.Comparer).ToList();
        if (touched.Count == 0)
        {
            return As(AppTriggerKind.KeepAsIs, written.Count == 0 ? "It writes nothing; it stays as it is." : "It writes only tables that are not synced; it stays as it is.");
        }

        return TriggerSql.Parse(trigger.Sql)!.HasGuard
            ? As(AppTriggerKind.KeepAsIs, "It rests already while Tidemark applies.")
            : As(AppTriggerKind.Guard, $"It writes {string.Join(", ", touched)}, which is synced: it rests while Tidemark applies, because its effects arrive as changes. The original is kept.");
    }

    private static void Replace(SqliteConnection connection, string name, string sql)
    {
        connection.Run("DROP TRIGGER " + SqlName.Quote(name));
        connection.Run(sql);
    }

    private static IEnumerable<TriggerSchema> Read(SqliteConnection connection) =>
        connection.Query("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND substr(name, 1, 4) <> '_tm_' ORDER BY rowid")
            .Select(r => r.All(v => v.Kind == ValueKind.Text)
                ? new TriggerSchema(r[0].AsText, r[1].AsText, r[2].AsText)
                : throw new StoreException(StoreTrouble.Damaged, $"{connection.DataSource}: The schema names a trigger ({r[0]}) without its text: the file is damaged. Restore it from a backup."));
}
