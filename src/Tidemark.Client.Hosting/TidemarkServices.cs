using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;

namespace Tidemark.Client.Hosting;

/// <summary>Tidemark in a .NET host.</summary>
public static class TidemarkServices
{
    /// <summary>
    /// Adds <see cref="LocalStore"/>, <see cref="IRemote"/> and <see cref="DataSyncService"/> as singletons, the hosted service that starts and stops the last one, and
    /// an HTTP client named <see cref="TidemarkClientOptions.HttpClientName"/> to configure. Faulty options stop the host's start, each fault named.
    /// </summary>
    public static IServiceCollection AddTidemark(this IServiceCollection services, Action<TidemarkClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        services.Configure(configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<TidemarkClientOptions>, TidemarkClientValidation>());
        services.AddHttpClient(TidemarkClientOptions.HttpClientName);
        services.TryAddSingleton(EnvironmentOf);
        services.TryAddSingleton(s => LocalStore.Open(OptionsOf(s).DatabasePath, OptionsOf(s).Store, s.GetRequiredService<SyncEnvironment>()));
        services.TryAddSingleton<IRemote>(RemoteOf);
        services.TryAddSingleton(s => new DataSyncService(s.GetRequiredService<LocalStore>(), s.GetRequiredService<IRemote>(), OptionsOf(s).Sync, s.GetRequiredService<SyncEnvironment>()));
        services.TryAddSingleton<TidemarkHealthCheck>();
        services.AddHostedService<TidemarkHostedService>();
        return services;
    }

    /// <summary>Adds the health of syncing to the host's: healthy, degraded (the last success is too old, or a run failed and may go well later), unhealthy (needs a person).</summary>
    public static IHealthChecksBuilder AddTidemark(this IHealthChecksBuilder checks)
    {
        ArgumentNullException.ThrowIfNull(checks);
        return checks.Add(new HealthCheckRegistration("tidemark", s => s.GetRequiredService<TidemarkHealthCheck>(), failureStatus: null, tags: ["sync"]));
    }

    private static TidemarkClientOptions OptionsOf(IServiceProvider services) => services.GetRequiredService<IOptions<TidemarkClientOptions>>().Value;

    private static SyncEnvironment EnvironmentOf(IServiceProvider services)
    {
        var machine = OptionsOf(services).Environment ?? SyncEnvironment.System;
        return new SyncEnvironment
        {
            Time = machine.Time,
            Random = machine.Random,
            ProcessName = machine.ProcessName,
            IsAlive = machine.IsAlive,
            Scheduler = machine.Scheduler,
            Statements = machine.Statements,
            Connectivity = machine.Connectivity,
            WatchFile = machine.WatchFile,
            Loggers = services.GetService<ILoggerFactory>() ?? machine.Loggers,
            Transport = () => services.GetRequiredService<IHttpMessageHandlerFactory>().CreateHandler(TidemarkClientOptions.HttpClientName),
        };
    }

    private static TidemarkHttpRemote RemoteOf(IServiceProvider services)
    {
        var options = OptionsOf(services);
        return new TidemarkHttpRemote(
            options.Server!,
            cancellationToken => options.Token!(services, cancellationToken),
            services.GetRequiredService<SyncEnvironment>(),
            options.RefreshToken is { } refresh ? (refused, cancellationToken) => refresh(services, refused, cancellationToken) : null);
    }
}
