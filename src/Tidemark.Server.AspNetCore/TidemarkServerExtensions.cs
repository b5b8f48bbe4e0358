using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Tidemark.Server.Access;
using Tidemark.Server.AspNetCore.Blobs;
using Tidemark.Server.AspNetCore.Endpoints;
using Tidemark.Server.AspNetCore.Health;
using Tidemark.Server.AspNetCore.OpenApi;
using Tidemark.Server.AspNetCore.Problems;
using Tidemark.Server.Blobs;
using Tidemark.Server.Health;
using Tidemark.Server.Storage;

namespace Tidemark.Server.AspNetCore;

/// <summary>Tidemark in an ASP.NET Core application of your own.</summary>
public static class TidemarkServerExtensions
{
    /// <summary>
    /// Registers the server. Authentication is the host's: register a scheme (or call
    /// <c>AddTidemarkTokens</c>); the user is the claim <c>NameIdentifier</c> or <c>sub</c>.
    /// </summary>
    /// <param name="services">The host's services.</param>
    /// <param name="store">Opens the store; it is disposed with the host.</param>
    /// <param name="options">Limits and retention.</param>
    /// <param name="environment">Time, ids and randomness.</param>
    public static IServiceCollection AddTidemarkServer(
        this IServiceCollection services,
        Func<IServiceProvider, IServerStore> store,
        ServerOptions options,
        ServerEnvironment environment)
    {
        services.AddSingleton(store);
        services.AddSingleton(options);
        services.AddSingleton(environment);
        services.TryAddSingleton(ServerOf);
        services.TryAddSingleton(provider => new AccessService(
            provider.GetRequiredService<IServerStore>() as IAccessStore ?? new Hosting.NoAccess(),
            provider.GetRequiredService<ServerOptions>().Access,
            provider.GetRequiredService<ServerEnvironment>()));
        services.TryAddSingleton<StorageTroubles>();
        services.TryAddSingleton<Hosting.LiveConnections>();
        services.TryAddSingleton<Hosting.Drain>();
        services.AddHostedService(provider => provider.GetRequiredService<Hosting.Drain>());
        services.AddHostedService<Hosting.Compaction>();
        services.AddHostedService<Hosting.HintRelay>();
        services.AddAuthorization();
        AddProblems(services);
        TidemarkDocument.Add(services);
        return services;
    }

    /// <summary>
    /// Maps the endpoints of the wire, health checks and the OpenAPI document. What is returned takes more conventions:
    /// a policy, a rate limit. The sync endpoints want a user of the host's default scheme; live hints want <c>UseWebSockets</c> before the endpoints.
    /// </summary>
    public static IEndpointConventionBuilder MapTidemark(this IEndpointRouteBuilder endpoints)
    {
        var all = endpoints.MapGroup("").WithMetadata(TidemarkEndpoint.Mark);
        all.AddEndpointFilter<RouteGroupBuilder, ProblemFilter>();
        var sync = all.MapGroup("").RequireAuthorization();
        SyncEndpoints.Map(sync);
        LiveEndpoint.Map(sync);
        var asked = sync.MapGroup("").AddEndpointFilter<RouteGroupBuilder, Hosting.AccessFilter>();
        SpaceEndpoints.Map(asked);
        LeaseEndpoints.Map(asked);
        AccessEndpoints.Map(sync);
        AdminEndpoints.Map(sync);
        if (endpoints.ServiceProvider.GetService<HealthServer>() is not null)
        {
            HealthDataEndpoints.Map(asked);
        }

        if (endpoints.ServiceProvider.GetService<BlobServer>() is not null)
        {
            BlobEndpoints.Map(asked);
        }

        var open = all.MapGroup("").AllowAnonymous();
        HealthEndpoints.Map(open);
        if (endpoints.ServiceProvider.GetService<TidemarkTokens>() is not null)
        {
            AccessEndpoints.MapRefresh(open);
        }

        endpoints.MapOpenApi(TidemarkDocument.Route).AllowAnonymous();
        return all;
    }

    /// <summary>Registers what keeps health data; its endpoints are mapped with the others.</summary>
    /// <param name="services">The host's services, with <see cref="AddTidemarkServer"/>.</param>
    /// <param name="store">Opens the store; it is disposed with the host.</param>
    public static IServiceCollection AddTidemarkHealth(this IServiceCollection services, Func<IServiceProvider, IHealthStore> store)
    {
        services.AddSingleton(store);
        services.TryAddSingleton(provider => new HealthServer(provider.GetRequiredService<IHealthStore>(), provider.GetRequiredService<ServerEnvironment>(), provider.GetRequiredService<SyncServer>()));
        return services;
    }

    /// <summary>Registers what keeps blobs, such as the waveforms of ECGs; its endpoints are mapped with the others.</summary>
    /// <param name="services">The host's services, with <see cref="AddTidemarkServer"/>.</param>
    /// <param name="files">Where they lie. Several nodes need one folder that all of them see, or one store for those that are complete.</param>
    /// <param name="options">Limits.</param>
    public static IServiceCollection AddTidemarkBlobs(this IServiceCollection services, FileBlobs files, BlobOptions? options = null)
    {
        services.TryAddSingleton(provider => new BlobServer(files, options ?? new BlobOptions(), provider.GetRequiredService<ServerEnvironment>()));
        return services;
    }

    // Whatever handler the host had goes on answering for the host's own endpoints.
    private static SyncServer ServerOf(IServiceProvider provider)
    {
        var server = new SyncServer(
            provider.GetRequiredService<IServerStore>(),
            provider.GetRequiredService<ServerEnvironment>(),
            provider.GetRequiredService<ServerOptions>(),
            provider.GetRequiredService<AccessService>(),
            provider.GetService<Snapshots.ISnapshotWriter>());
        server.SnapshotFailed += provider.GetRequiredService<StorageTroubles>().TellOfSnapshots;
        return server;
    }

    private static void AddProblems(IServiceCollection services)
    {
        var others = services.LastOrDefault(d => d.ServiceType == typeof(IAuthorizationMiddlewareResultHandler));
        services.Replace(ServiceDescriptor.Singleton<IAuthorizationMiddlewareResultHandler>(provider =>
            new AuthorizationProblems(Make(provider, others))));
    }

    private static IAuthorizationMiddlewareResultHandler Make(IServiceProvider provider, ServiceDescriptor? descriptor) => descriptor switch
    {
        { ImplementationInstance: IAuthorizationMiddlewareResultHandler instance } => instance,
        { ImplementationFactory: { } factory } => (IAuthorizationMiddlewareResultHandler)factory(provider),
        { ImplementationType: { } type } => (IAuthorizationMiddlewareResultHandler)ActivatorUtilities.CreateInstance(provider, type),
        _ => new AuthorizationMiddlewareResultHandler(),
    };
}
