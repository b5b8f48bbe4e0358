using System.CommandLine;
using Microsoft.AspNetCore.Builder;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Server.S3;

namespace Tidemark.Cli.Serving;

internal static class ServeVerb
{
    private const string DefaultUrl = "http://127.0.0.1:7040";
    // A device that syncs every second and pulls a large space on the way stays far below it.
    private const int UserRateDefault = 3000;
    private const string DefaultData = "tidemark-data";

    public static Command Create()
    {
        var urls = new Option<string[]>("--urls") { Description = $"Where to listen; port 0 takes a free one. Default: {DefaultUrl}.", HelpName = "URL" };
        var data = new Option<string>("--data") { Description = "The folder with database and keys; made when missing.", HelpName = "DIR", DefaultValueFactory = _ => DefaultData };
        var postgres = StoreOption.Create();
        var model = new Option<string?>("--model") { Description = "A model file to register at the start.", HelpName = "FILE" };
        var dev = new Option<bool>("--dev") { Description = "Development: any user may register a model, so that `tidemark sync` does it by itself." };
        var leases = new Option<int>("--leases") { Description = "Admit bulk work (pushes of more than 500 commands, fetches of more than 500 rows a page, batches of more than 500 health samples) of so many devices at a time; the others wait their turn. Default: 0, of all.", HelpName = "N" };
        leases.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 0)
            {
                result.AddError("--leases must not be below 0.");
            }
        });
        var drain = new Option<string?>("--drain") { Description = "How long a server that is told to stop goes on serving, not ready any more, so that a balancer notices: 5s, 1m. Default: not at all.", HelpName = "TIME" };
        var retention = new Option<string?>("--retention") { Description = "How long deletions and verdicts are kept, which is how long a device may be away without fetching everything anew: 30d, 12h. The same at all nodes. Default: 90d.", HelpName = "TIME" };
        var userRate = Rate("--rate-user", $"Requests of one user to this node in a minute; 0: any number. Default: {UserRateDefault}, with --dev any number.");
        var addressRate = Rate("--rate-address", "Requests of one address to this node in a minute; 0: any number. Behind a proxy all come from the proxy's.");
        var blobs = new Option<string?>("--blobs") { Description = "The bucket of blobs (waveforms of ECGs): s3://BUCKET[/PREFIX], or https://HOST/BUCKET[/PREFIX] of a store of your own. Keys and region come from where AWS programs look: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION. Default: files in the data folder.", HelpName = "PLACE" };
        blobs.Validators.Add(result =>
        {
            try
            {
                _ = result.GetValueOrDefault<string?>() is { } place ? S3Place.Parse(place) : null;
            }
            catch (FormatException e)
            {
                result.AddError(e.Message);
            }
        });
        var otlp = Telemetry.Option();
        return Verb.Create("serve", "Run a server on this machine until it is stopped. Prints the bound address.", urls, data, postgres, model, dev, leases, drain, retention, userRate, addressRate, blobs, otlp)
            .Runs((context, cancellationToken) => RunAsync(
                context,
                new ServerSettings(UrlsOf(context.Get(urls)), context.Get(data), context.Get(model), context.Get(dev), context.Get(leases), context.Get(postgres), context.Get(drain) is { } time ? Duration.Parse(time) : TimeSpan.Zero)
                {
                    UserRate = context.Get(userRate) ?? (context.Get(dev) ? 0 : UserRateDefault),
                    AddressRate = context.Get(addressRate) ?? 0,
                    Retention = context.Get(retention) is { } kept ? Duration.Parse(kept) : null,
                    Blobs = context.Get(blobs) is { } place ? S3Place.Parse(place) : null,
                    Collector = context.Get(otlp),
                },
                cancellationToken));
    }

    private static Option<int?> Rate(string name, string description)
    {
        var option = new Option<int?>(name) { Description = description, HelpName = "N" };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < 0)
            {
                result.AddError(name + " must not be below 0.");
            }
        });
        return option;
    }

    private static string[] UrlsOf(string[]? given) =>
        given is { Length: > 0 } ? [.. given.SelectMany(u => u.Split([';', ','], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))] : [DefaultUrl];

    private static async Task<ExitCode> RunAsync(VerbContext context, ServerSettings settings, CancellationToken cancellationToken)
    {
        if (settings.ModelFile is { } file)
        {
            await Models.ModelFile.ReadAsync(file, cancellationToken);
        }

        using var telemetry = Telemetry.Start(settings.Collector);
        await using var app = await ServerHost.StartAsync(settings, cancellationToken);
        Announce(context, settings, app);
        await WaitAsync(cancellationToken);
        context.Out.Line("Stopping: requests on their way are answered.");
        await app.StopAsync(CancellationToken.None);
        return ExitCode.Done;
    }

    private static void Announce(VerbContext context, ServerSettings settings, WebApplication app)
    {
        foreach (var url in app.Urls)
        {
            context.Out.Line($"Listening on {url}");
        }

        var where = settings.Postgres is null ? $"Data in {Path.GetFullPath(settings.DataDirectory)}" : "Data in PostgreSQL";
        context.Out.Line($"{where}{(settings.Dev ? ", development mode" : "")}. Ctrl-C stops.");
        context.Out.Line($"A token: tidemark token {(settings.Postgres is null ? "--data " + settings.DataDirectory : "--postgres CONNECTION")} --user NAME");
        context.Out.Document(new { urls = app.Urls, data = Path.GetFullPath(settings.DataDirectory), dev = settings.Dev, leases = settings.Leases });
    }

    private static async Task WaitAsync(CancellationToken cancellationToken)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancellationToken.Register(() => stopped.TrySetResult());
        await stopped.Task;
    }
}
