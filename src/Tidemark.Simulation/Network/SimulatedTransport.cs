using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Devices;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Network;

/// <summary>The wire of one device's process. Requests of the real HTTP remote arrive here; when and whether the server sees them is decided by the weather.</summary>
internal sealed class SimulatedTransport(World world, SimulatedDevice device, DeviceProcess process, Dice dice) : HttpMessageHandler
{
    private const int CompressedBytesMin = 1400;
    private static readonly string[] RetryAfters = ["5", "120", "-5", "1.5", "99999999999", "Wed, 21 Oct 2015 07:28:00 GMT", "soon"];

    // The longest runs there are send some hundred.
    private const int RequestsMax = 2000;

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        world.Scheduler.CheckThread();
        var answer = new TaskCompletionSource<HttpResponseMessage>();
        cancellationToken.Register(() => answer.TrySetCanceled(cancellationToken));
        Send(Copy(request), answer);
        return answer.Task;
    }

    private void Send(WireRequest request, TaskCompletionSource<HttpResponseMessage> answer)
    {
        if (++device.RequestsOfRun > RequestsMax)
        {
            world.Violate("starvation", $"{device.Name}: a run sends request after request and does not end");
            answer.TrySetException(new HttpRequestException("The run has sent enough."));
            return;
        }

        var (fate, own) = device.Weather.Next(world.Scheduler.Now, request.Path);
        var there = Latency();
        if (fate != Fate.Fine)
        {
            world.Met(fate.ToString());
            world.Say(device, $"{request.Method} {request.Path}: {fate}");
        }

        device.BusyApp(there / 2);
        switch (fate)
        {
            case Fate.DropRequest:
                Lose(answer, there, own!);
                break;
            case Fate.DropResponse:
                world.Scheduler.After(there, () => _ = world.Server.Handle(device, request));
                Lose(answer, there * 2, own!);
                break;
            case Fate.ArriveLate:
                world.Scheduler.After(TimeSpan.FromSeconds(own!.Between(1, 40_000)), () => _ = world.Server.Handle(device, request));
                Lose(answer, there, own);
                break;
            case Fate.Html or Fate.Unavailable or Fate.TooManyRequests or Fate.Unauthorized:
                world.Scheduler.After(there, () => Deliver(answer, Stranger(fate, own!), request, cut: null));
                break;
            default:
                Ask(request, answer, fate, own, there);
                break;
        }
    }

    private void Ask(WireRequest request, TaskCompletionSource<HttpResponseMessage> answer, Fate fate, Dice? own, TimeSpan there)
    {
        var back = Latency();
        if (fate == Fate.Delay)
        {
            there += TimeSpan.FromSeconds(own!.Between(0, 150));
            back += TimeSpan.FromSeconds(own.Between(0, 150));
        }

        if (fate == Fate.Duplicate)
        {
            world.Scheduler.After(there + TimeSpan.FromSeconds(own!.Chance(0.5) ? own.Below(3) : own.Below(86_400)), () => _ = world.Server.Handle(device, request));
        }

        world.Scheduler.After(there, () =>
        {
            var reply = world.Server.Handle(device, request);
            device.BusyApp(back / 2);
            if (reply is null)
            {
                Lose(answer, back, null);
                return;
            }

            world.Scheduler.After(back, () => Deliver(answer, reply, request, fate == Fate.CutBody ? own : null));
        });
    }

    private void Deliver(TaskCompletionSource<HttpResponseMessage> answer, WireReply reply, WireRequest request, Dice? cut)
    {
        if (!process.Ended)
        {
            answer.TrySetResult(Response(reply, request, cut));
        }
    }

    // Half of the time nobody says so, and the device waits until its own patience ends.
    private void Lose(TaskCompletionSource<HttpResponseMessage> answer, TimeSpan after, Dice? own)
    {
        if (own is null || own.Chance(0.5))
        {
            world.Scheduler.After(after, () =>
            {
                if (!process.Ended)
                {
                    answer.TrySetException(new HttpRequestException("The connection was lost."));
                }
            });
        }
    }

    private TimeSpan Latency() => TimeSpan.FromMilliseconds(dice.Between(5, world.Shape.LatencyMsMax));

    private static WireReply Stranger(Fate fate, Dice dice) => fate switch
    {
        Fate.Html => WireReply.Html(200, "Welcome to the hotel's network. Please sign in."),
        Fate.Unavailable => WireReply.Html(503, "back soon") with { Headers = [("Retry-After", dice.Pick(RetryAfters))] },
        Fate.TooManyRequests => WireReply.Html(429, "slow down") with { Headers = [("Retry-After", dice.Pick(RetryAfters))] },
        _ => WireReply.Html(401, "who are you?"),
    };

    private static WireRequest Copy(HttpRequestMessage request)
    {
        using var buffer = new MemoryStream();
        if (request.Content is { } content)
        {
            using var stream = content.ReadAsStream();
            using var plain = content.Headers.ContentEncoding.Contains("gzip") ? new GZipStream(stream, CompressionMode.Decompress) : stream;
            plain.CopyTo(buffer);
        }

        return new WireRequest(
            request.Method.Method, request.RequestUri!.AbsolutePath, request.Headers.Authorization?.Parameter ?? "", buffer.ToArray(),
            request.Headers.AcceptEncoding.Any(e => string.Equals(e.Value, "gzip", StringComparison.Ordinal)))
        {
            Lease = request.Headers.TryGetValues(Model.Protocol.LeaseResponse.Header, out var leases) ? leases.Single() : null,
        };
    }

    private static HttpResponseMessage Response(WireReply reply, WireRequest request, Dice? cut)
    {
        var body = reply.Body;
        var compressed = request.AcceptsGzip && body.Length >= CompressedBytesMin;
        if (compressed)
        {
            using var buffer = new MemoryStream();
            using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
            {
                gzip.Write(body);
            }

            body = buffer.ToArray();
        }

        HttpContent content = cut is null ? new ByteArrayContent(body) : new StreamContent(new CutStream(body, cut.Below(body.Length + 1), cut.Chance(0.5)));
        content.Headers.ContentType = new MediaTypeHeaderValue(reply.MediaType);
        if (compressed)
        {
            content.Headers.ContentEncoding.Add("gzip");
        }

        var response = new HttpResponseMessage((HttpStatusCode)reply.Status) { Content = content };
        foreach (var (name, value) in reply.Headers)
        {
            response.Headers.TryAddWithoutValidation(name, value);
        }

        return response;
    }
}
