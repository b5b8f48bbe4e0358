using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Tidemark.Server.AspNetCore.Hosting;
using Tidemark.Server.Blobs;

namespace Tidemark.Server.AspNetCore;

/// <summary>A server of its own: Kestrel, built-in tokens, the endpoints of the wire, and nothing else.</summary>
public static partial class TidemarkHost
{
    // A body over the limit is read on and thrown away up to here, so that its sender gets to see the answer.
    private const int DrainedFactor = 4;
    private const long DrainedBytesMin = 4 * 1024 * 1024;
    private const int RequestLineBytesMax = 16 * 1024;
    private const string SettingsPrefix = "TIDEMARK_";

    /// <summary>Builds it; the caller starts, stops and disposes it.</summary>
    public static WebApplication Create(TidemarkHostOptions options)
    {
        // The empty builder: no settings file of whatever folder this runs in, no watchers.
        var dataDirectory = Directory.CreateDirectory(Path.GetFullPath(options.DataDirectory)).FullName;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "Tidemark", ContentRootPath = dataDirectory });

        // TIDEMARK_Kestrel__Certificates__Default__Path and the like: https is the operator's matter.
        builder.Configuration.AddEnvironmentVariables(SettingsPrefix);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().UseUrls([.. options.Urls]);
        builder.WebHost.ConfigureKestrel((context, kestrel) => Limit(kestrel, options.Server.Limits.RequestBytesMax, context.Configuration));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.Server.DrainTime + options.ShutdownTimeout);
        builder.Services.AddRouting();
        _ = options.KeysInStore ? builder.Services.AddTidemarkTokens(options.Store) : builder.Services.AddTidemarkTokens(dataDirectory);
        builder.Services.AddTidemarkServer(_ => options.Store, options.Server, options.Environment);
        if (options.Health is { } health)
        {
            builder.Services.AddTidemarkHealth(_ => health);
        }

        if (options.BlobFolder is { } blobs)
        {
            builder.Services.AddTidemarkBlobs(new FileBlobs(blobs, options.Blobs));
        }

        builder.Services.AddHostedService<TokenKeys>();
        if (options.ModelFile is { } modelFile)
        {
            builder.Services.AddSingleton<IHostedService>(provider => new ModelFileLoader(modelFile, provider.GetRequiredService<SyncServer>()));
        }

        builder.Services.AddRequestTimeouts(timeouts => timeouts.DefaultPolicy = new RequestTimeoutPolicy { Timeout = options.RequestTimeMax });
        builder.Services.AddRateLimiter(rates => Rates.Set(rates, options.UserRequestsPerMinuteMax, options.AddressRequestsPerMinuteMax));
        Log(builder.Logging);
        options.Configure?.Invoke(builder);

        var app = builder.Build();
        UnreadRequests.Watch(app.Services.GetRequiredService<DiagnosticListener>(), app.Services.GetRequiredService<ILoggerFactory>());
        app.UseMiddleware<ProblemMiddleware>();
        app.UseWebSockets();
        app.UseRouting();
        app.UseRequestTimeouts();
        app.UseAuthentication();
        app.UseRateLimiter();
        app.UseAuthorization();
        app.MapTidemark();
        foreach (var url in options.Urls.Where(IsReadableOnTheWay))
        {
            Readable(app.Logger, url);
        }

        return app;
    }

    // Plain http is for this machine, and behind a proxy that does https.
    private static bool IsReadableOnTheWay(string url)
    {
        var address = BindingAddress.Parse(url);
        var isLoopback = string.Equals(address.Host, "localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));
        return string.Equals(address.Scheme, "http", StringComparison.OrdinalIgnoreCase) && !isLoopback && !address.IsUnixPipe;
    }

    private static void Limit(KestrelServerOptions kestrel, long requestBytesMax, IConfiguration configuration)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = Math.Max(requestBytesMax * DrainedFactor, DrainedBytesMin);
        kestrel.Limits.MaxRequestLineSize = RequestLineBytesMax;
        kestrel.Configure(configuration.GetSection("Kestrel"));
    }

    // Standard output belongs to the command: everything is said on standard error.
    private static void Log(ILoggingBuilder logging)
    {
        logging.AddSimpleConsole(format => format.SingleLine = true);
        logging.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        logging.SetMinimumLevel(LogLevel.Warning);
        logging.AddFilter("Tidemark", LogLevel.Information);

        // Warns at every start that the keys are not sealed themselves: their folder is its owner's alone.
        logging.AddFilter("Microsoft.AspNetCore.DataProtection", LogLevel.Error);
    }

    [LoggerMessage(EventId = 1002, Level = LogLevel.Warning, Message = "{Url} is plain http on an address that other machines reach: tokens and rows can be read on the way. Use https, or a proxy that does.")]
    private static partial void Readable(ILogger logger, string url);
}
