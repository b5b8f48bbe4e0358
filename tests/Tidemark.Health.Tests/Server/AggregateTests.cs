using Tidemark.Model.Health;
using Tidemark.Server.Health;

namespace Tidemark.Health.Tests.Server;

[Trait("req", "HLT-06")]
public sealed class AggregateTests
{
    private const long Minute = 60_000;
    private const long Hour = 60 * Minute;
    private static readonly long Day = new DateTimeOffset(2026, 3, 28, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
    private static readonly TimeZoneInfo Lisbon = TimeZoneInfo.FindSystemTimeZoneById("Europe/Lisbon");

    /// <summary>Watch and phone count the same steps; the watch is believed where it was worn, the phone for the rest.</summary>
    [Fact]
    public void Every_moment_counts_once_from_the_source_that_ranks_first()
    {
        HealthInterval[] intervals =
        [
            new(Day, Day + (10 * Minute), 100, "Watch"),
            new(Day + (5 * Minute), Day + (15 * Minute), 120, "Phone"),
            new(Day + (20 * Minute), Day + (30 * Minute), 70, "Phone"),
        ];
        Assert.Equal(100 + 60 + 70, Of(intervals, "StepCount", ["Watch", "Phone"])[0].Sum);
        Assert.Equal(120 + 70 + 50, Of(intervals, "StepCount", ["Phone", "Watch"])[0].Sum);
        Assert.Equal(new Dictionary<string, double>(StringComparer.Ordinal) { ["Watch"] = 100, ["Phone"] = 190 }, Of(intervals, "StepCount", [])[0].Sources);
    }

    [Fact]
    public void An_interval_over_midnight_belongs_to_both_days_in_proportion()
    {
        var days = Of([new(Day + (23 * Hour), Day + (26 * Hour), 300, "Watch")], "StepCount", []);
        Assert.Equal([100.0, 200.0], days.Select(d => d.Sum!.Value));
    }

    [Fact]
    public void Days_are_those_of_the_zone_also_when_the_clock_changes()
    {
        // The night to 29 March has one hour less in Lisbon.
        var days = Of([new(Day, Day + (48 * Hour), 48, "Watch")], "StepCount", [], Lisbon);
        Assert.Equal(["2026-03-28", "2026-03-29", "2026-03-30"], days.Select(d => d.Day));
        Assert.Equal([24.0, 23.0, 1.0], days.Select(d => d.Sum!.Value));
    }

    [Fact]
    public void Sampled_types_have_least_mean_and_most_and_sleep_is_the_union_of_its_stages()
    {
        var heart = Of([new(Day, Day, 50, "Watch"), new(Day + Hour, Day + Hour, 70, "Watch"), new(Day + (2 * Hour), Day + (2 * Hour), 90, "Phone")], "HeartRate", [])[0];
        Assert.Equal((50, 70, 90, 3), (heart.Least, heart.Mean, heart.Most, heart.Samples));
        var sleep = Of([new(Day, Day + (8 * Hour), null, "Clock"), new(Day + Hour, Day + (2 * Hour), null, "Watch"), new(Day + (2 * Hour), Day + (9 * Hour), null, "Watch")], "SleepAnalysis", [])[0];
        Assert.Equal(9 * 3600, sleep.Sum);
    }

    [Fact]
    public void A_day_is_provisional_until_the_lag_of_its_type_is_over()
    {
        HealthInterval[] rest = [new(Day, Day, 50, "Watch")];
        Assert.True(Of(rest, "RestingHeartRate", [], now: Day + (71 * Hour))[0].Provisional);
        Assert.False(Of(rest, "RestingHeartRate", [], now: Day + (73 * Hour))[0].Provisional);
    }

    private static IReadOnlyList<HealthDayAggregate> Of(HealthInterval[] intervals, string type, string[] sources, TimeZoneInfo? zone = null, long? now = null) =>
        DayAggregates.Of(intervals, HealthTypes.Find(type), zone ?? TimeZoneInfo.Utc, sources, new HealthQuery(type, Day - (24 * Hour), Day + (96 * Hour)), now ?? Day + (999 * Hour));
}
