using Microsoft.Data.Sqlite;
using Tidemark.Sqlite;

namespace Tidemark.Health.HealthConnect;

/// <summary>A table of records with the columns that it has: versions of Health Connect differ, and their order says nothing.</summary>
internal sealed record ExportTable(string Name, IReadOnlyList<string> Columns)
{
    private static readonly string[] Common =
    [
        "row_id", "uuid", "last_modified_time", "client_record_id", "client_record_version", "device_info_id", "app_info_id", "recording_method", "dedupe_hash", "time", "zone_offset",
        "start_time", "start_zone_offset", "end_time", "end_zone_offset", "local_date", "device_data_provider_id",
    ];

    /// <summary>It says when a record began and ended, not only when it was.</summary>
    public bool IsInterval => Columns.Contains("start_time");

    /// <summary>What only this kind of record has.</summary>
    public IEnumerable<string> Own => Columns.Except(Common);

    public bool IsRecords => Columns.Contains("uuid") && (Columns.Contains("time") || (Columns.Contains("start_time") && Columns.Contains("end_time")));

    /// <summary>The ordinary tables of records by name: no views, no virtual ones. Generated columns are left out.</summary>
    public static IReadOnlyDictionary<string, ExportTable> In(SqliteConnection connection) => connection
        .Query("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")
        .Select(r => Find(connection, r[0].AsText)!)
        .Where(t => t.IsRecords)
        .ToDictionary(t => t.Name, StringComparer.OrdinalIgnoreCase);

    /// <returns>Null: there is no such table.</returns>
    public static ExportTable? Find(SqliteConnection connection, string name) =>
        connection.Scalar("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name = ?1 COLLATE NOCASE", Tidemark.Model.Values.Value.Text(name)).AsInteger == 0
            ? null
            : new ExportTable(name, [.. connection.Query("SELECT name FROM pragma_table_info(?1)", Tidemark.Model.Values.Value.Text(name)).Select(r => r[0].AsText)]);
}
