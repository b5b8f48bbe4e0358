using Microsoft.AspNetCore.Builder;
using Tidemark.Server.Blobs;
using Tidemark.Server.Health;
using Tidemark.Server.Storage;

namespace Tidemark.Server.AspNetCore;

/// <summary>What a server of its own is made of.</summary>
public sealed class TidemarkHostOptions
{
    /// <summary>Where it listens. Port 0 takes a free one; the application's Urls say which after the start.</summary>
    public required IReadOnlyList<string> Urls { get; init; }

    /// <summary>Keys lie in its folder `keys`, unless they lie in the store.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The opened store; disposed with the application.</summary>
    public required IServerStore Store { get; init; }

    /// <summary>The opened store of health data; disposed with the application. Default: none, and the endpoints of health data are not there.</summary>
    public IHealthStore? Health { get; init; }

    /// <summary>The folder of blobs, such as the waveforms of ECGs; several nodes need one that all of them see. Default: none, and their endpoints are not there.</summary>
    public string? BlobFolder { get; init; }

    /// <summary>Where complete blobs go, such as a bucket that all nodes see; disposed by who made it. Default: into the folder.</summary>
    public IBlobStore? Blobs { get; init; }

    /// <summary>The keys of tokens lie in the store: with several nodes, so that each takes the others' tokens. Default: false.</summary>
    public bool KeysInStore { get; init; }

    /// <summary>Time, ids and randomness.</summary>
    public required ServerEnvironment Environment { get; init; }

    /// <summary>Limits, retention, development mode.</summary>
    public required ServerOptions Server { get; init; }

    /// <summary>A model to register at the start; a start with a model that cannot be registered fails.</summary>
    public string? ModelFile { get; init; }

    /// <summary>How long requests may take to end after a stop signal. Default 30 seconds.</summary>
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Requests of one user to this node in a minute; 0 (default): any number.</summary>
    public int UserRequestsPerMinuteMax { get; init; }

    /// <summary>Requests of one address to this node in a minute; 0 (default): any number. Behind a proxy all come from the proxy's address.</summary>
    public int AddressRequestsPerMinuteMax { get; init; }

    /// <summary>How long a request may take, its body included; live connections are none. Default 5 minutes.</summary>
    public TimeSpan RequestTimeMax { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>More services or logging, after Tidemark's own.</summary>
    public Action<WebApplicationBuilder>? Configure { get; init; }
}
