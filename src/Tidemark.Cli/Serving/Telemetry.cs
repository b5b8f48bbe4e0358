using System.CommandLine;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Tidemark.Cli.Running;
using Tidemark.Server.Observing;

namespace Tidemark.Cli.Serving;

/// <summary>Sends the server's traces and metrics to a collector by OTLP over HTTP, until it is disposed: what is left is sent then.</summary>
internal sealed class Telemetry : IDisposable
{
    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private const string ServiceName = "tidemark";

    private static readonly string[] Sources = [ServerSources.Name, "Microsoft.AspNetCore", "Npgsql"];
    private static readonly string[] Meters = [ServerSources.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Microsoft.AspNetCore.RateLimiting", "Npgsql", "System.Runtime"];
    private readonly TracerProvider _traces;
    private readonly MeterProvider _metrics;

    private Telemetry(Uri collector)
    {
        var resource = ResourceBuilder.CreateDefault().AddService(ServiceName, serviceVersion: typeof(Telemetry).Assembly.GetName().Version?.ToString());
        _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Sources).AddOtlpExporter(o => Send(o, collector, "v1/traces")).Build();
        _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Meters).AddOtlpExporter(o => Send(o, collector, "v1/metrics")).Build();
    }

    public static Option<string?> Option() => new("--otlp")
    {
        Description = $"Send traces and metrics to a collector: its base address, OTLP over HTTP. Default: {EndpointVariable}, or nothing is sent.",
        HelpName = "URL",
    };

    /// <returns>Null when no collector is named.</returns>
    public static Telemetry? Start(string? asked)
    {
        var address = asked ?? Environment.GetEnvironmentVariable(EndpointVariable);
        if (string.IsNullOrEmpty(address))
        {
            return null;
        }

        return Uri.TryCreate(address.TrimEnd('/') + "/", UriKind.Absolute, out var collector) && collector.Scheme is "http" or "https"
            ? new Telemetry(collector)
            : throw VerbException.Usage($"--otlp: {address} is no http or https address.");
    }

    public void Dispose()
    {
        _traces.Dispose();
        _metrics.Dispose();
    }

    private static void Send(OtlpExporterOptions options, Uri collector, string path)
    {
        options.Protocol = OtlpExportProtocol.HttpProtobuf;
        options.Endpoint = new Uri(collector, path);
    }
}
