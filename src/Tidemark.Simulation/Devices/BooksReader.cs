using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Workload;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Devices;

/// <summary>Reads a store's metadata by SQL, as anybody may.</summary>
internal static class BooksReader
{
    private const string Ledger = """
        SELECT (SELECT coalesce(max(seq), 0) FROM _tm_touch),
          coalesce((SELECT value FROM _tm_counter WHERE name = 'accepted'), 0), coalesce((SELECT value FROM _tm_counter WHERE name = 'folded'), 0),
          coalesce((SELECT value FROM _tm_counter WHERE name = 'absorbed'), 0), coalesce((SELECT value FROM _tm_counter WHERE name = 'discarded'), 0),
          coalesce((SELECT sum(events) FROM _tm_command WHERE status = 'DEAD_LETTER'), 0),
          (SELECT count(*) FROM _tm_touch WHERE type <> 0) + coalesce((SELECT sum(events) FROM _tm_command WHERE status <> 'DEAD_LETTER'), 0),
          (SELECT count(*) FROM _tm_guard), (SELECT count(*) FROM _tm_mark), (SELECT count(*) FROM _tm_stage), (SELECT count(*) FROM _tm_aside),
          (SELECT floor_position FROM _tm_remote WHERE id = 1), (SELECT epoch FROM _tm_remote WHERE id = 1), (SELECT resync FROM _tm_remote WHERE id = 1),
          (SELECT count(*) FROM _tm_command WHERE status = 'DEAD_LETTER')
        """;

    // Only from the third workload on are there tables where deletions win: over an edit of the row, what was made below it, what was moved below it.
    private const string DeletionWon = "reason LIKE '%deleted there: the deletion wins%'";

    private const string Open = """
        SELECT DISTINCT coalesce(t.name, '') FROM (SELECT type FROM _tm_touch WHERE type <> 0 UNION SELECT type FROM _tm_command) x LEFT JOIN _tm_type t ON t.n = x.type
        UNION SELECT DISTINCT type FROM _tm_aside
        """;

    public static Books Read(SimulatedDevice device, RandomSchema schema)
    {
        var app = device.App;
        var row = app.Query(Ledger)[0];
        var orphans = Orphans(app, schema);
        return new Books
        {
            File = device.Path,
            Captured = row[0].AsInteger,
            Accepted = row[1].AsInteger,
            Folded = row[2].AsInteger,
            Absorbed = row[3].AsInteger,
            Discarded = row[4].AsInteger,
            Dead = row[5].AsInteger,
            Waiting = row[6].AsInteger,
            GuardLeft = row[7].AsInteger != 0,
            Marks = row[8].AsInteger,
            Staged = row[9].AsInteger,
            Aside = row[10].AsInteger,
            Unchecked = schema.Tables.Any(t => t.UncheckedByServer),
            Floor = row[11].Kind == ValueKind.Integer ? row[11].AsInteger : null,
            Epoch = row[12].Kind == ValueKind.Text ? row[12].AsText : null,
            Resync = row[13].Kind == ValueKind.Text ? row[13].AsText : null,
            DeadLetters = row[14].AsInteger,
            Cursors = [.. app.Query("SELECT type, last_created_at, last_id FROM _tm_cursor ORDER BY type").Select(c => (c[0].AsText, c[1].AsInteger, c[2].AsText))],
            Orphans = orphans.Required,
            Dangling = orphans.Optional,
            WalBytes = FileSet.WalBytes(device.Path),
            FileBytes = FileSet.Bytes(device.Path),
            Rows = [.. Numbers(app, schema).SelectMany(t => app.Query($"SELECT {Keys(t.Shape)}, version FROM _tm_row_{t.Number}").Select(r => (t.Shape.Name, new EntityKey(r[..^1]).ToString(), r[^1].AsInteger)))],
            Deleted = [.. app.Query("SELECT t.name, d.key, d.version FROM _tm_tombstone d JOIN _tm_type t ON t.n = d.type WHERE d.version > 0 ORDER BY 1, 2").Select(r => (r[0].AsText, r[1].AsText, r[2].AsInteger))],
        };
    }

    /// <summary>References of the app's tables to rows that are not there.</summary>
    public static Orphans Orphans(AppFile app, RandomSchema schema)
    {
        var found = app.Query("SELECT \"table\", fkid, parent, rowid FROM pragma_foreign_key_check").ToLookup(o => IsRequired(schema, o), o => $"{o[0]} row {o[3]} -> {o[2]} {Parent(app, o)}");
        return new Orphans([.. found[true]], found[false].Any() ? [.. Dangling(app, schema)] : []);
    }

    // Not those to a row that stays put aside because of an index that the server does not know.
    private static IEnumerable<string> Dangling(AppFile app, RandomSchema schema)
    {
        var aside = HeldOffRows.Read(app, schema);
        foreach (var (table, reference) in schema.Tables.SelectMany(t => t.References.Where(r => !r.Required).Select(r => (t, r))))
        {
            var columns = reference.Columns.Select(c => $"c.\"{c}\"").ToList();
            var parent = string.Join(" AND ", reference.Target.Key.Select((k, i) => $"p.\"{k}\" = {columns[i]}"));
            foreach (var row in app.Query($"SELECT {string.Join(", ", columns)} FROM \"{table.Name}\" c WHERE {string.Join(" AND ", columns.Select(c => c + " IS NOT NULL"))} AND NOT EXISTS (SELECT 1 FROM \"{reference.Target.Name}\" p WHERE {parent})"))
            {
                if (!aside.Has(reference.Target, new EntityKey(row).ToString()))
                {
                    yield return $"{table.Name} -> {reference.Target.Name} {string.Join('/', row)}";
                }
            }
        }
    }

    /// <summary>Types of which something waits, is refused or is put aside.</summary>
    public static SortedSet<string> OpenTypes(SimulatedDevice device) => new(device.App.Query(Open).Select(r => r[0].AsText), StringComparer.Ordinal);

    /// <summary>Commands that were sent and have no verdict; of a device that is off, as its file is.</summary>
    public static IReadOnlyList<string> Unanswered(SimulatedDevice device)
    {
        var copy = device.Path + "-look";
        FileSet.Copy(device.Path, copy);
        try
        {
            using var file = SqliteFile.Open(copy, new OpenOptions());
            return [.. file.Query("SELECT CAST(payload AS TEXT) FROM _tm_command WHERE status = 'IN_FLIGHT'").Select(r => r[0].AsText)];
        }
        finally
        {
            FileSet.Delete(copy);
        }
    }

    /// <summary>Those rows, each with what it is kept by.</summary>
    public static IReadOnlyList<string> OpenRows(SimulatedDevice device) =>
        [.. device.App.Query("""
            SELECT DISTINCT t.name || ' ' || coalesce(x.k0, '') || coalesce('/' || x.k1, '') || ' waits' FROM _tm_touch x JOIN _tm_type t ON t.n = x.type
            UNION ALL SELECT t.name || ' ' || c.key || ' ' || c.operation || ' ' || c.status || coalesce(' ' || c.last_code, '') FROM _tm_command c JOIN _tm_type t ON t.n = c.type
            UNION ALL SELECT type || ' ' || key || ' is put aside, ' || cause || coalesce(': ' || detail, '') FROM _tm_aside
            """).Select(r => r[0].AsText)];

    /// <summary>What offers that came too late had to offer, and rows that went because a deletion won.</summary>
    public static IReadOnlyList<string> Recorded(SimulatedDevice device) =>
        [.. device.App.Query($"SELECT CAST(local AS TEXT) FROM _tm_conflict WHERE local IS NOT NULL AND (reason LIKE 'The server was restored%' OR {DeletionWon})").Select(r => r[0].AsText)];

    /// <summary>The last note there is.</summary>
    public static long LastTouch(AppFile app) => app.Scalar("SELECT coalesce(max(seq), 0) FROM _tm_touch").AsInteger;

    /// <summary>Rows that differ between the two images and of which no note was taken after that one.</summary>
    public static List<string> Uncaptured(AppFile app, RandomSchema schema, DatabaseImage before, DatabaseImage after, long touch)
    {
        var noted = new HashSet<(string, EntityKey)>();
        var uncaptured = new List<string>();
        foreach (var row in app.Query($"SELECT t.name, k0, k1 FROM _tm_touch JOIN _tm_type t ON t.n = type WHERE seq > {touch.ToString(System.Globalization.CultureInfo.InvariantCulture)}"))
        {
            noted.Add((row[0].AsText, row[2].IsNull ? new EntityKey(row[1]) : new EntityKey(row[1], row[2])));
        }

        foreach (var table in schema.Tables)
        {
            var old = before.Rows(table).ToDictionary(r => KeyOf(table, r));
            foreach (var row in after.Rows(table))
            {
                if ((!old.Remove(KeyOf(table, row), out var former) || !former.AsSpan().SequenceEqual(row)) && !noted.Contains((table.Name, KeyOf(table, row))))
                {
                    uncaptured.Add($"{table.Name} {KeyOf(table, row)}");
                }
            }

            uncaptured.AddRange(old.Keys.Where(k => !noted.Contains((table.Name, k))).Select(k => $"{table.Name} {k}"));
        }

        return uncaptured;
    }

    /// <summary>Rows made by a transaction that put them under a key by changing the one under which another row stood before it: that row's content was replaced, then its key changed.</summary>
    public static IEnumerable<(string Former, string Now)> ReplacedAndMoved(AppFile app, RandomSchema schema, DatabaseImage before, EditFacts facts, long touch)
    {
        var origins = new Dictionary<(string Table, string Key), string>();
        Value[]? left = null;
        foreach (var note in app.Query($"SELECT t.name, op, k0, k1 FROM _tm_touch JOIN _tm_type t ON t.n = type WHERE seq > {touch.ToString(System.Globalization.CultureInfo.InvariantCulture)} ORDER BY seq"))
        {
            var table = note[0].AsText;
            if (note[1].AsText == "N" && left is not null && left[0].AsText == table)
            {
                var from = KeyText(left);
                origins[(table, KeyText(note))] = origins.Remove((table, from), out var first) ? first : from;
            }

            left = note[1].AsText == "K" ? note : null;
        }

        foreach (var made in facts.Made)
        {
            var table = schema.Tables.Single(t => t.Name == made.Table);
            if (origins.TryGetValue((made.Table, made.Key), out var origin) && before.Rows(table).FirstOrDefault(r => EditFacts.KeyOf(table, r) == origin) is { } former)
            {
                yield return (EditFacts.TagOf(table, former), made.Row);
            }
        }
    }

    private static string KeyText(Value[] note) => string.Join('/', note[2..].Where(v => !v.IsNull).Select(v => v.ToString()));

    private static IEnumerable<(TableShape Shape, long Number)> Numbers(AppFile app, RandomSchema schema) =>
        app.Query("SELECT name, n FROM _tm_type ORDER BY n").Select(r => (schema.Tables.Single(t => t.Name == r[0].AsText), r[1].AsInteger));

    private static EntityKey KeyOf(TableShape table, Value[] row) => new(row[..table.Key.Count]);

    private static string Keys(TableShape table) => string.Join(", ", table.Key.Select((_, i) => "k" + i.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    // SQLite counts a table's foreign keys from the last one that was declared.
    // The row that is referred to and is not there.
    private static string Parent(AppFile app, Value[] orphan)
    {
        if (orphan[3].IsNull)
        {
            return ""; // A table without rowid does not tell which.
        }

        var table = orphan[0].AsText;
        var columns = app.Query($"SELECT \"from\" FROM pragma_foreign_key_list('{table}') WHERE id = {orphan[1]} ORDER BY seq").Select(c => $"\"{c[0].AsText}\"");
        return string.Join('/', app.Query($"SELECT {string.Join(", ", columns)} FROM \"{table}\" WHERE rowid = {orphan[3]}").SelectMany(r => r));
    }

    private static bool IsRequired(RandomSchema schema, Value[] orphan)
    {
        var references = schema.Tables.Single(t => string.Equals(t.Name, orphan[0].AsText, StringComparison.Ordinal)).References;
        return references[references.Count - 1 - (int)orphan[1].AsInteger].Required;
    }

    /// <summary>Has this process let go of the run lock? What a killed one left is another matter.</summary>
    public static bool LockIsFree(SimulatedDevice device, string process) =>
        device.App.Scalar("SELECT owner FROM _tm_lock WHERE id = 1") is not { Kind: ValueKind.Text } owner || !owner.AsText.StartsWith(process + "#", StringComparison.Ordinal);
}

/// <summary>Rows whose parent is not there, by whether the relation is required.</summary>
internal sealed record Orphans(IReadOnlyList<string> Required, IReadOnlyList<string> Optional);
