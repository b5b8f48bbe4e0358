using Microsoft.Data.Sqlite;
using Tidemark.Health.Importing;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Health.HealthConnect;

/// <summary>The points of routes beside their workouts, both in the order of the workouts' keys: the table of points has no index, and is read once.</summary>
internal sealed class ConnectRoutes : IDisposable
{
    private readonly RawStatement _rows;
    private readonly int[] _places;
    private bool _hasRow;

    private ConnectRoutes(RawStatement rows, int[] places)
    {
        (_rows, _places) = (rows, places);
        _hasRow = rows.Step();
    }

    /// <returns>Null: the export has no points.</returns>
    public static ConnectRoutes? Open(SqliteConnection db)
    {
        if (ExportTable.Find(db, RecordKinds.Routes) is not { } table || !RecordKinds.RouteColumns.Take(3).Append("parent_key").All(c => table.Columns.Contains(c)))
        {
            return null;
        }

        List<string> columns = [.. RecordKinds.RouteColumns.Where(c => table.Columns.Contains(c))];
        int[] places = [.. RecordKinds.RouteColumns.Select(c => c.Length == 0 ? -1 : columns.IndexOf(c))];
        return new ConnectRoutes(
            new RawStatement(db, $"SELECT parent_key, {string.Join(", ", columns.Select(SqlName.Quote))} FROM {RecordKinds.Routes} WHERE typeof(parent_key) = 'integer' ORDER BY parent_key, timestamp_millis, rowid"), places);
    }

    /// <summary>The numbers of one workout's points; of each workout once, in the order of their keys.</summary>
    /// <returns>Null: it has none that can be read, or more than any route has.</returns>
    public double[]? Of(long workout, Repairs repairs)
    {
        while (_hasRow && _rows.ColumnInt64(0) < workout)
        {
            _hasRow = _rows.Step();
        }

        var numbers = new List<double>();
        var isTooLong = false;
        for (; _hasRow && _rows.ColumnInt64(0) == workout; _hasRow = _rows.Step())
        {
            isTooLong |= numbers.Count >= RoutePoints.PointsMax * RoutePoints.Columns.Length;
            if (!isTooLong && !Add(numbers))
            {
                repairs[Repair.UnreadablePoint]++;
            }
        }

        repairs[Repair.UnreadableRoute] += isTooLong ? 1 : 0;
        return numbers.Count == 0 || isTooLong ? null : [.. numbers];
    }

    public void Dispose() => _rows.Dispose();

    private bool Add(List<double> numbers)
    {
        var (time, latitude, longitude) = (NumberAt(0), NumberAt(1), NumberAt(2));
        if (double.IsNaN(time) || double.IsNaN(latitude) || double.IsNaN(longitude) || Math.Abs(latitude) > 90 || Math.Abs(longitude) > 180)
        {
            return false;
        }

        for (var i = 0; i < RoutePoints.Columns.Length; i++)
        {
            numbers.Add(NumberAt(i));
        }

        return true;
    }

    private double NumberAt(int column) => _places[column] < 0 ? double.NaN : ConnectRecord.NumberOf(_rows.Column(_places[column] + 1)) ?? double.NaN;
}
