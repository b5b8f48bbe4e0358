using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Tidemark.Client.Observing;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Observing;

/// <summary>What a run tells hosts that listen.</summary>
public sealed class ObservingTests
{
    [Fact]
    [Trait("req", "RUN-16")]
    public async Task A_run_gives_metrics_an_activity_with_its_phases_and_messages_with_their_ids()
    {
        var measured = new ConcurrentQueue<(string Instrument, double Value, string Tags)>();
        using var meter = new MeterListener { InstrumentPublished = (i, l) => Enable(i, l) };
        meter.SetMeasurementEventCallback<long>((i, v, tags, _) => measured.Enqueue((i.Name, v, Text(tags))));
        meter.SetMeasurementEventCallback<double>((i, v, tags, _) => measured.Enqueue((i.Name, v, Text(tags))));
        meter.Start();
        var activities = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener { ShouldListenTo = s => s.Name == SyncSources.Name, Sample = (ref _) => ActivitySamplingResult.AllData, ActivityStopped = activities.Enqueue };
        ActivitySource.AddActivityListener(listener);
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        using var logs = new Logs();
        a.Loggers = logs;
        a.Connect(world);
        var trigger = "observed " + Guid.NewGuid().ToString("N");
        await a.Service.SyncAsync(Client.Coordination.SyncMode.Full, trigger, null, TestContext.Current.CancellationToken);

        Assert.Contains(measured, m => m.Instrument == "tidemark.sync.runs" && m.Tags.Contains($"trigger={trigger};outcome=Done", StringComparison.Ordinal));
        Assert.Contains(measured, m => m.Instrument == "tidemark.sync.pushed" && m is { Value: >= 1, Tags: "verdict=accepted;" });
        Assert.Contains(measured, m => m is { Instrument: "tidemark.sync.requests", Tags: "path=sync/push;status=200;" });
        foreach (var name in new[] { "tidemark.sync.run.duration", "tidemark.sync.phase.duration", "tidemark.sync.pulled.bytes" })
        {
            Assert.Contains(measured, m => m.Instrument == name);
        }

        var run = Assert.Single(activities, x => x.OperationName == "tidemark.sync.run" && Equals(x.GetTagItem("tidemark.trigger"), trigger));
        Assert.Equal("Done", run.GetTagItem("tidemark.outcome"));
        Assert.Equal(["apply", "connect", "pull", "push"], activities.Where(x => x.ParentId == run.Id).Select(x => (string)x.GetTagItem("tidemark.phase")!).Order(StringComparer.Ordinal));
        Assert.Equal([1, 6, 6, 6, 6, 2, 13], logs.Ids); // the last one: it was the first full fetch
        a.Network.Decide = _ => Fault.DropRequest;
        logs.Ids.Clear();
        await a.TrySyncAsync();
        Assert.Equal([1, 6, 4, 2], logs.Ids);
    }

    private static void Enable(Instrument instrument, MeterListener listener)
    {
        if (instrument.Meter.Name == SyncSources.Name)
        {
            listener.EnableMeasurementEvents(instrument);
        }
    }

    private static string Text(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var text = "";
        foreach (var (name, value) in tags)
        {
            text += $"{name}={value};";
        }

        return text;
    }

    private sealed class Logs : ILoggerFactory, ILogger
    {
        public List<int> Ids { get; } = [];

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Ids.Add(eventId.Id);

        public void Dispose()
        {
            // Nothing is held.
        }
    }
}
