using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Sqlite;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Server.Tests.Http;

/// <summary>The host forgets what is past the retention without being asked.</summary>
public sealed class CompactionTests
{
    private static readonly SyncModel Model = new SyncModelBuilder().Entity("notes", e => e.Field("id", FieldType.Text).Key("id")).Build();

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task What_is_past_the_retention_is_forgotten_at_the_start_and_with_every_interval_and_nothing_else()
    {
        using var folder = new TempFolder();
        var time = new TickedTime();
        var environment = new ServerEnvironment { Time = time };
        await using var app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = folder.Path,
            Store = SqliteServerStore.Open(folder.File("server.db"), environment),
            Environment = environment,
            Server = new ServerOptions { Dev = true, TombstoneRetention = TimeSpan.FromDays(10), CompactEvery = TimeSpan.FromHours(1) },
            Configure = b => b.Logging.ClearProviders(),
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        var device = new PushingDevice(app.Services.GetRequiredService<SyncServer>(), Model, "ann", "one");
        await app.Services.GetRequiredService<SyncServer>().PutModelAsync(device.Caller, SyncModelJson.ToUtf8(Model), TestContext.Current.CancellationToken);
        await DeleteAsync(device, "old");
        time.Now += TimeSpan.FromDays(8);
        await DeleteAsync(device, "newer");
        using var reader = SqliteFile.Open(folder.File("server.db"), new OpenOptions { QueryOnly = true });
        foreach (var (days, left) in new[] { (1, "newer,old"), (2, "newer"), (20, "") })
        {
            time.Now += TimeSpan.FromDays(days);
            await time.TickAsync();
            await UntilAsync(() => Gone(reader), left);
        }

        Assert.Equal(0, reader.Scalar("SELECT count(*) FROM _tm_verdict").AsInteger);
        Assert.Equal(5, reader.Scalar("SELECT count(*) FROM _tm_commit").AsInteger); // They tell of a restore long after.
        await app.StopAsync(TestContext.Current.CancellationToken);
    }

    private static string Gone(Microsoft.Data.Sqlite.SqliteConnection reader) =>
        string.Join(",", reader.Query("SELECT k0 FROM _tm_gone_notes ORDER BY 1").Select(r => r[0].AsText));

    private static async Task DeleteAsync(PushingDevice device, string id)
    {
        var version = (await device.PushAsync(device.Create("notes", [id]))).Mark.Position;
        Assert.Single((await device.PushAsync(device.Delete("notes", EntityKey.Of(id), version))).Successful);
    }

    private static async Task UntilAsync(Func<string> seen, string wanted)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (seen() != wanted)
        {
            Assert.False(deadline.IsCancellationRequested, $"Wanted {wanted}, saw {seen()}.");
            await Task.Yield();
        }
    }

    // Timers that go when they are told to; the host's own keep real time.
    private sealed class TickedTime : TimeProvider
    {
        private readonly TaskCompletionSource<(TimerCallback Callback, object? State)> _timer = new();

        public DateTimeOffset Now { get; set; } = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Assert.Equal(TimeSpan.FromHours(1), period);
            _timer.TrySetResult((callback, state));
            return new Silent();
        }

        public async Task TickAsync()
        {
            var (callback, state) = await _timer.Task;
            callback(state);
        }

        private sealed class Silent : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
