using System.Diagnostics;
using System.Globalization;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Writing;

/// <summary>A measurement, run by name only: it is about this machine's disk.</summary>
public sealed class ThroughputTests(ITestOutputHelper output)
{
    private const int Writers = 16;
    private const int WritesEach = 100;

    [Fact(Explicit = true)]
    [Trait("req", "STO-11")]
    public async Task Sixteen_writers_through_the_queue_are_four_times_as_fast_as_sixteen_connections()
    {
        var contending = await Contending();
        var queued = await Queued(out var commits);
        var ratio = contending / queued;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"16 connections {contending:F0} ms, queue {queued:F0} ms in {commits()} commits, ratio {ratio:F1}"));
        Assert.True(ratio >= 4, string.Create(CultureInfo.InvariantCulture, $"The ratio is {ratio:F1}; at least 4 was expected."));
    }

    private static async Task<double> Contending()
    {
        using var file = new NotesFile();
        var started = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Factory.StartNew(
            () =>
            {
                using var connection = file.Connect(TimeSpan.FromMinutes(2));
                for (var i = 0; i < WritesEach; i++)
                {
                    connection.Run("BEGIN IMMEDIATE");
                    connection.Run("INSERT INTO note(id, text) VALUES(?, 'x')", Value.Integer((writer * 1000) + i));
                    connection.Run("COMMIT");
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
        return started.Elapsed.TotalMilliseconds;
    }

    private static Task<double> Queued(out Func<int> commits)
    {
        var counted = 0;
        commits = () => counted;
        return Run();

        async Task<double> Run()
        {
            using var file = new NotesFile();
            await using var queue = file.Queue();
            var started = Stopwatch.StartNew();
            await Task.WhenAll(Enumerable.Range(0, Writers).Select(async writer =>
            {
                for (var i = 0; i < WritesEach; i++)
                {
                    await queue.Insert((writer * 1000) + i);
                }
            }));
            counted = queue.Commits;
            return started.Elapsed.TotalMilliseconds;
        }
    }
}
