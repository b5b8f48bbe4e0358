using System.Globalization;
using System.Text.Json;

namespace Tidemark.EndToEnd.Tests.Worlds;

/// <summary>Syncs devices in turn until nothing moves.</summary>
internal static class Convergence
{
    // What the design promises: all replicas are equal within so many rounds.
    private const int RoundsMax = 20;

    public static async Task SyncUntilQuietAsync(params IReadOnlyList<Device> devices)
    {
        JsonElement last = default;
        for (var round = 0; round < RoundsMax; round++)
        {
            var moved = 0L;
            foreach (var device in devices)
            {
                last = await device.SyncAsync();
                moved += NumberOf(last, "pushed") + NumberOf(last, "pulled") + NumberOf(last, "conflicts");
            }

            if (moved == 0)
            {
                return;
            }
        }

        Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"Still moving after {RoundsMax} rounds; the last report: {last}"));
    }

    public static long NumberOf(JsonElement report, string member) => report.GetProperty(member).GetInt64();
}
