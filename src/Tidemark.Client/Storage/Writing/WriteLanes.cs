using Microsoft.Data.Sqlite;

namespace Tidemark.Client.Storage.Writing;

/// <summary>The lanes of this process: one per file for as long as a queue is open on it.</summary>
internal static class WriteLanes
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<string, WriteLane> Lanes = new(
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);

    public static WriteLane Enter(string file, Func<SqliteConnection> openConnection, TaskScheduler scheduler, TimeProvider time)
    {
        lock (Gate)
        {
            if (!Lanes.TryGetValue(file, out var lane))
            {
                lane = new WriteLane(file, scheduler, time);
                Lanes.Add(file, lane);
            }

            lane.Users++;
            lane.OpenConnection = openConnection;
            return lane;
        }
    }

    /// <summary>True when that was the last user; the lane is then forgotten. Called in the lane's order, behind all works of that user.</summary>
    public static bool Leave(WriteLane lane)
    {
        lock (Gate)
        {
            return --lane.Users == 0 && Lanes.Remove(lane.Path);
        }
    }
}
