namespace Tidemark.Client.Tests.Support;

/// <summary>What happens to one request.</summary>
internal enum Fault
{
    None,
    DropRequest,
    DropResponse,
}

/// <summary>A transport between a device and a real server whose requests a test can drop, hold or watch.</summary>
internal sealed class FaultyTransport(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    /// <summary>Decides for each request; the path comes first.</summary>
    public Func<string, Fault> Decide { get; set; } = _ => Fault.None;

    /// <summary>Runs after the server has answered and before the device sees it.</summary>
    public Func<string, Task> BeforeAnswer { get; set; } = _ => Task.CompletedTask;

    /// <summary>Runs before the request leaves.</summary>
    public Func<string, Task> BeforeRequest { get; set; } = _ => Task.CompletedTask;

    /// <summary>An answer in place of the server's; null lets the request through.</summary>
    public Func<string, HttpResponseMessage?> Answer { get; set; } = _ => null;

    public List<string> Requests { get; } = [];

    public List<string> PushBodies { get; } = [];

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.AbsolutePath;
        Requests.Add(path);
        if (path.EndsWith("/push", StringComparison.Ordinal))
        {
            PushBodies.Add(await request.Content!.ReadAsStringAsync(cancellationToken));
        }

        await BeforeRequest(path);
        var fault = Decide(path);
        if (fault == Fault.DropRequest)
        {
            throw new HttpRequestException("The request was dropped by the test.");
        }

        if (Answer(path) is { } answer)
        {
            return answer;
        }

        var response = await base.SendAsync(request, cancellationToken);
        if (response.StatusCode == System.Net.HttpStatusCode.SwitchingProtocols)
        {
            return response; // A WebSocket has no end to wait for.
        }

        await response.Content.LoadIntoBufferAsync(cancellationToken);
        await BeforeAnswer(path);
        if (fault == Fault.DropResponse)
        {
            response.Dispose();
            throw new HttpRequestException("The response was dropped by the test.");
        }

        return response;
    }

    // One stands for all handlers of a device: none of its users may end it for the others.
#pragma warning disable CA2215 // that is the point
    protected override void Dispose(bool disposing)
#pragma warning restore CA2215
    {
    }
}
