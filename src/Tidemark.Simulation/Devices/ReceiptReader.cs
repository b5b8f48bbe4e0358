using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Devices;

/// <summary>Reads what receipts say, by SQL, and which words stand on the server.</summary>
internal static class ReceiptReader
{
    public static void Observe(World world)
    {
        foreach (var device in world.Devices.Where(d => d.Process is not null))
        {
            var lines = device.App.Query("SELECT write, state, version FROM _tm_receipt ORDER BY event").Select(r => (r[0].AsInteger, r[1].AsText, r[2].Kind == ValueKind.Integer ? r[2].AsInteger : (long?)null)).ToList();
            if (lines.Count > 0 && world.ServerOf(device.User) is { } server)
            {
                var words = world.Schema.Tables.SelectMany(t => server.Rows.Rows(t)).SelectMany(r => r).Where(v => v.Kind == ValueKind.Text).Select(v => v.AsText).ToHashSet(StringComparer.Ordinal);
                world.Observe(new ReceiptsAtRest(device.Name, BooksReader.Read(device, world.Schema).Waiting, lines, words));
            }
        }
    }
}
