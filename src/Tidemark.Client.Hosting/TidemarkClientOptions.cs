using Microsoft.Extensions.Options;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;

namespace Tidemark.Client.Hosting;

/// <summary>One file that a host keeps in step with one server.</summary>
public sealed class TidemarkClientOptions
{
    /// <summary>The name of the HTTP client whose handlers requests go through.</summary>
    public const string HttpClientName = "Tidemark";

    /// <summary>The SQLite file; it has been adopted or cloned.</summary>
    public string DatabasePath { get; set; } = "";

    /// <summary>Where the server is, such as https://sync.example.com/.</summary>
    public Uri? Server { get; set; }

    /// <summary>Gives the bearer token for each request; services are there to ask.</summary>
    public Func<IServiceProvider, CancellationToken, Task<string>>? Token { get; set; }

    /// <summary>Gives another token in place of one that was refused. Default: none, a refused token ends the run.</summary>
    public Func<IServiceProvider, string, CancellationToken, Task<string>>? RefreshToken { get; set; }

    /// <summary>Sync by itself while the host runs. Default true; else the app asks for runs.</summary>
    public bool StartsByItself { get; set; } = true;

    /// <summary>A last success older than this is degraded health. Default two hours.</summary>
    public TimeSpan HealthyFor { get; set; } = TimeSpan.FromHours(2);

    public StoreOptions Store { get; } = new();

    public SyncOptions Sync { get; } = new();

    /// <summary>Clock, randomness and process in place of the machine's. Default: the machine's.</summary>
    public SyncEnvironment? Environment { get; set; }
}

/// <summary>Names every fault at once.</summary>
internal sealed class TidemarkClientValidation : IValidateOptions<TidemarkClientOptions>
{
    public ValidateOptionsResult Validate(string? name, TidemarkClientOptions options)
    {
        var faults = new List<string>();
        if (string.IsNullOrWhiteSpace(options.DatabasePath))
        {
            faults.Add($"{nameof(TidemarkClientOptions.DatabasePath)} is missing: the SQLite file to keep in step.");
        }

        if (options.Server is not { IsAbsoluteUri: true, Scheme: "http" or "https" })
        {
            faults.Add($"{nameof(TidemarkClientOptions.Server)} must be an absolute http or https address.");
        }

        if (options.Token is null)
        {
            faults.Add($"{nameof(TidemarkClientOptions.Token)} is missing: what gives the bearer token.");
        }

        if (options.HealthyFor <= TimeSpan.Zero)
        {
            faults.Add($"{nameof(TidemarkClientOptions.HealthyFor)} must be more than nothing.");
        }

        faults.AddRange(options.Sync.Automatic.Faults().Select(f => $"{nameof(TidemarkClientOptions.Sync)}.{nameof(SyncOptions.Automatic)}: {f}"));
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
