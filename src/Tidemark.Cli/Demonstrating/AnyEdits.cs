using System.Globalization;
using Microsoft.Data.Sqlite;
using Tidemark.Model.Entities;

namespace Tidemark.Cli.Demonstrating;

/// <summary>Edits for a database nobody here knows: changes of plain text columns, found by the model and tried in a transaction that is rolled back.</summary>
internal sealed class AnyEdits(SqliteConnection connection, SyncModel model)
{
    private const int PlacesMax = 8;
    private const int BurstRows = 300;

    /// <summary>Null when the file has no column that can be changed without knowing what it means.</summary>
    public DemoEdits? Create()
    {
        var places = model.Graph.SyncOrder.SelectMany(PlacesOf).Take(PlacesMax).ToList();
        if (places.Count == 0)
        {
            return null;
        }

        var (table, column, key) = places[0];
        var phone = places.Select(p => Append(p, "phone", 1)).Append(DeleteOf()).OfType<DemoEdit>().ToList();
        var laptop = places.Select(p => Append(p, "laptop", 2)).ToList();
        var where = $"rowid = (SELECT min(rowid) FROM {table})";
        where = IsWithoutRowId(table) ? $"{key} = (SELECT min({key}) FROM {table})" : where;
        return new DemoEdits(
            phone,
            laptop,
            new DemoConflict(
                $"{column} of the first row of {table}",
                new DemoEdit("sets it to 'written on the phone'", $"UPDATE {table} SET {column} = 'written on the phone' WHERE {where}"),
                new DemoEdit("sets it to 'written on the laptop'", $"UPDATE {table} SET {column} = 'written on the laptop' WHERE {where}"),
                $"SELECT quote({column}) FROM {table} WHERE {where}"),
            BurstOf(places.MaxBy(p => Scalar($"SELECT count(*) FROM {p.Table}"))));
    }

    private static string Quote(string name) => "\"" + name.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    private static DemoEdit Append((string Table, string Column, string Key) place, string who, int offset) => new(
        $"changes {place.Column} in {place.Table}",
        string.Create(CultureInfo.InvariantCulture, $"UPDATE {place.Table} SET {place.Column} = {place.Column} || ' ({who})' WHERE {place.Key} IN (SELECT {place.Key} FROM {place.Table} ORDER BY {place.Key} LIMIT 3 OFFSET {offset})"));

    // Text columns that are no key, no reference and not unique, in tables with a key of one column.
    private IEnumerable<(string Table, string Column, string Key)> PlacesOf(EntityType type)
    {
        if (type.Key.Count != 1)
        {
            yield break;
        }

        var table = Quote(type.TableName);
        var key = Quote(type.Fields[type.KeyOrdinals[0]].ColumnName);
        var taken = type.Relations.SelectMany(r => r.Fields).Concat(type.UniqueKeys.SelectMany(u => u.Fields)).Concat(type.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var field in type.Fields.Where(f => !taken.Contains(f.Name)))
        {
            var column = Quote(field.ColumnName);
            if (Scalar($"SELECT count(*) FROM {table} WHERE typeof({column}) = 'text'") > 3
                && Works($"UPDATE {table} SET {column} = 'written on the phone' WHERE {key} = (SELECT min({key}) FROM {table})"))
            {
                yield return (table, column, key);
                yield break;
            }
        }
    }

    private static DemoEdit BurstOf((string Table, string Column, string Key) place) => new(
        $"changes up to {BurstRows} rows of {place.Table} in one go",
        string.Create(CultureInfo.InvariantCulture, $"UPDATE {place.Table} SET {place.Column} = {place.Column} || ' +' WHERE {place.Key} IN (SELECT {place.Key} FROM {place.Table} ORDER BY {place.Key} DESC LIMIT {BurstRows})"));

    // A row nobody refers to, of the last table in sync order that lets it go.
    private DemoEdit? DeleteOf()
    {
        foreach (var type in model.Graph.SyncOrder.Reverse().Where(t => t.Key.Count == 1 && model.Graph.To(t).Count == 0))
        {
            var (table, key) = (Quote(type.TableName), Quote(type.Fields[type.KeyOrdinals[0]].ColumnName));
            var sql = $"DELETE FROM {table} WHERE {key} = (SELECT max({key}) FROM {table})";
            if (Scalar($"SELECT count(*) FROM {table}") > 1 && Works(sql))
            {
                return new DemoEdit($"deletes the last row of {table}", sql);
            }
        }

        return null;
    }

    private bool IsWithoutRowId(string table)
    {
        try
        {
            Scalar($"SELECT count(rowid) FROM {table}");
            return false;
        }
        catch (SqliteException)
        {
            return true;
        }
    }

    private bool Works(string sql)
    {
        using var transaction = connection.BeginTransaction();
        try
        {
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            return command.ExecuteNonQuery() > 0;
        }
        catch (SqliteException)
        {
            return false; // A CHECK, a trigger or a reference forbids it; another place will do.
        }
    }

    private long Scalar(string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(command.ExecuteScalar(), CultureInfo.InvariantCulture);
    }
}
