using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Tidemark.Client.Hosting;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Hosting;

/// <summary>Tidemark in a .NET host, with a real server.</summary>
public sealed class HostingTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("req", "OPS-05")]
    public async Task A_host_syncs_by_itself_through_its_HTTP_client_says_how_it_is_and_stops_cleanly()
    {
        await using var world = await World.StartAsync();
        var file = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        var requests = new Counting();
        using var host = Made(o =>
        {
            (o.DatabasePath, o.Server) = (file.Path, world.Address);
            o.Token = (_, _) => Task.FromResult(world.Token());
            o.Sync.Automatic.GateTimeout = TimeSpan.Zero;
        }, requests);
        await host.StartAsync(Token);
        var sync = host.Services.GetRequiredService<DataSyncService>();
        var report = await sync.SyncNowAsync(Token);
        Assert.Null(report.Error);
        Assert.True(requests.Count > 0);
        var health = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token);
        Assert.Equal(HealthStatus.Healthy, health.Entries["tidemark"].Status);
        await world.StopServerAsync();
        await sync.SyncNowAsync(Token);
        Assert.Equal(HealthStatus.Degraded, (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token)).Status);
        await host.StopAsync(Token);
        Assert.Equal(Client.Coordination.Announcing.SyncActivity.Stopped, sync.Status.Activity);
        await world.StartServerAsync();
        Assert.Equal(0, file.Store.EngineSession.Outbox.ReadLedger().Waiting);
        Assert.Same(sync, host.Services.GetRequiredService<DataSyncService>());
        Assert.NotNull(host.Services.GetRequiredService<LocalStore>());
    }

    [Fact]
    [Trait("req", "OPS-05")]
    public async Task Faulty_options_stop_the_start_and_every_fault_is_named()
    {
        using var host = Made(
            o =>
            {
                o.Server = new Uri("ftp://server");
                o.Sync.Automatic.Quiet = TimeSpan.FromMinutes(1);
            },
            new Counting());
        var trouble = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));
        Assert.Equal(4, trouble.Failures.Count());
        Assert.All(new[] { "DatabasePath", "Server", "Token", "QuietMax" }, name => Assert.Contains(trouble.Failures, f => f.Contains(name, StringComparison.Ordinal)));
    }

    private static IHost Made(Action<TidemarkClientOptions> configure, Counting requests)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddTidemark(configure);
        builder.Services.AddHttpClient(TidemarkClientOptions.HttpClientName).AddHttpMessageHandler(() => requests);
        builder.Services.AddHealthChecks().AddTidemark();
        return builder.Build();
    }

    private sealed class Counting : DelegatingHandler
    {
        public int Count { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Count++;
            return base.SendAsync(request, cancellationToken);
        }
    }
}
