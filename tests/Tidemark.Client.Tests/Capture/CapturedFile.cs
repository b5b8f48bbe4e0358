using System.Globalization;
using Microsoft.Data.Sqlite;
using Tidemark.Client.Adoption;
using Tidemark.Client.Capture;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.Client.Tests.Capture;

/// <summary>
/// A database file with capture in place. Its rows count as shown by remote 1 at the last <see cref="Shown"/>;
/// <see cref="AssertNothingMissed"/> then holds the one rule that matters: base or live row give back what was shown,
/// and every row that differs from it is touched.
/// </summary>
internal sealed class CapturedFile : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, Dictionary<EntityKey, Value[]>> _shown = new(StringComparer.Ordinal);

    public CapturedFile(string ddl, bool recursiveTriggers = false)
    {
        Path = _folder.File("app.db");
        Db = SqliteFile.Open(Path, new OpenOptions { CreateIfMissing = true, Durability = Durability.Off });
        Db.Run("PRAGMA trusted_schema=OFF");
        Db.Run(recursiveTriggers ? "PRAGMA recursive_triggers=ON" : "PRAGMA recursive_triggers=OFF");
        Db.Run(ddl);
        Model = new ModelFromSqlite(Db, new AdoptionOptions(), []).Read().Model;
        foreach (var statement in StoreSchema.CreateStatements)
        {
            Db.Run(statement);
        }

        Db.Run("INSERT INTO _tm_current(ctx) VALUES(7)");
        Numbers = Model.Entities.Select((type, i) => (type.Name, i + 1)).ToDictionary(StringComparer.Ordinal);
        foreach (var type in Model.Entities)
        {
            foreach (var statement in StoreSchema.CreateTypeStatements(Numbers[type.Name], type))
            {
                Db.Run(statement);
            }
        }

        AppTriggers.Guard(Db, AppTriggers.Classify(Db, [.. Model.Entities.Select(e => e.TableName)]));
        CaptureInstaller.Install(Db, Model, Numbers);
        Shown();
    }

    public string Path { get; }

    public SqliteConnection Db { get; }

    public SyncModel Model { get; }

    public IReadOnlyDictionary<string, int> Numbers { get; }

    /// <summary>The remote has shown every row as it is now; touches and bases are gone.</summary>
    public void Shown()
    {
        foreach (var type in Model.Entities)
        {
            var n = Numbers[type.Name];
            Db.Run($"DELETE FROM {StoreSchema.RowTable(n)}");
            Db.Run($"DELETE FROM {StoreSchema.BaseTable(n)}");
            _shown[type.Name] = Live(type);
            foreach (var key in _shown[type.Name].Keys)
            {
                var places = string.Join(", ", Enumerable.Range(1, key.Count).Select(i => "?" + i.ToString(CultureInfo.InvariantCulture)));
                Db.Run($"INSERT INTO {StoreSchema.RowTable(n)} VALUES({places}, 1, 5, x'00', NULL)", key.Parts);
            }
        }

        Db.Run("DELETE FROM _tm_touch WHERE seq < (SELECT max(seq) FROM _tm_touch)");
        Mark = Db.Scalar("SELECT coalesce(max(seq), 0) FROM _tm_touch").AsInteger;
    }

    public long Mark { get; private set; }

    /// <summary>The touches since the last <see cref="Shown"/>, as "op type key".</summary>
    public List<string> Touches() =>
        [.. Db.Query("SELECT t.op, t.type, t.k0, t.k1, t.k2 FROM _tm_touch AS t WHERE t.seq > ?1 ORDER BY seq", Value.Integer(Mark))
            .Select(r => $"{r[0].AsText} {NameOf(r[1].AsInteger)} {string.Join(",", r.Skip(2).Where(v => !v.IsNull).Select(v => v.ToString()))}")];

    public long Bases(string type) => Db.Scalar($"SELECT count(*) FROM {StoreSchema.BaseTable(Numbers[type])}").AsInteger;

    /// <summary>Runs SQL that may be refused; the refusal itself is part of the game.</summary>
    public bool Try(string sql)
    {
        try
        {
            Db.Run(sql);
            return true;
        }
        catch (StoreException e) when (e.IsConstraint || e.Message.Contains("recursion", StringComparison.Ordinal))
        {
            return false;
        }
    }

    public void AssertNothingMissed()
    {
        foreach (var type in Model.Entities)
        {
            var live = Live(type);
            var bases = Rows(type, $"SELECT {string.Join(", ", type.Fields.Select((_, i) => "c" + i.ToString(CultureInfo.InvariantCulture)))} FROM {StoreSchema.BaseTable(Numbers[type.Name])} WHERE remote = 1");
            var touched = Touched(type);
            foreach (var (key, row) in _shown[type.Name])
            {
                var known = bases.GetValueOrDefault(key) ?? live.GetValueOrDefault(key);
                Assert.True(known is not null && known.AsSpan().SequenceEqual(row), $"{type.Name} {key}: what was shown is lost. It was {Show(row)}, base or live row say {Show(known)}. Touches: {string.Join("; ", Touches())}");
                Assert.True(touched.Contains(key) || (live.TryGetValue(key, out var now) && now.AsSpan().SequenceEqual(row)), $"{type.Name} {key} changed and is not touched. Touches: {string.Join("; ", Touches())}");
            }

            foreach (var key in live.Keys.Where(k => !_shown[type.Name].ContainsKey(k)))
            {
                Assert.True(touched.Contains(key), $"{type.Name} {key} is new and not touched. Touches: {string.Join("; ", Touches())}");
                Assert.False(bases.ContainsKey(key), $"{type.Name} {key} was never shown and has a base.");
            }
        }
    }

    public void Dispose()
    {
        Db.Dispose();
        _folder.Dispose();
    }

    private string NameOf(long number) => Numbers.First(n => n.Value == number).Key;

    private Dictionary<EntityKey, Value[]> Live(EntityType type) =>
        Rows(type, $"SELECT {string.Join(", ", type.Fields.Select(f => SqlName.Quote(f.ColumnName)))} FROM {SqlName.Quote(type.TableName)}");

    private Dictionary<EntityKey, Value[]> Rows(EntityType type, string sql) =>
        Db.Query(sql).Where(r => !type.KeyOf(r).Parts.ToArray().Any(p => p.IsNull)).ToDictionary(r => type.KeyOf(r));

    private HashSet<EntityKey> Touched(EntityType type)
    {
        var columns = string.Join(", ", type.Key.Select((_, i) => "k" + i.ToString(CultureInfo.InvariantCulture)));
        return [.. Db.Query($"SELECT {columns} FROM _tm_touch WHERE type = ?1 AND seq > ?2", Value.Integer(Numbers[type.Name]), Value.Integer(Mark)).Select(r => new EntityKey(r))];
    }

    private static string Show(Value[]? row) => row is null ? "(none)" : "(" + string.Join(", ", row) + ")";
}
