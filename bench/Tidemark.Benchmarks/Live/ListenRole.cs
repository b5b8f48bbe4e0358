using System.Net.WebSockets;
using Tidemark.Server.AspNetCore;

namespace Tidemark.Benchmarks.Live;

/// <summary>Devices that listen and do nothing else, two of every user, all in one process of their own.</summary>
internal static class ListenRole
{
    private const int DevicesOfAUser = 2;
    private const int AtOnce = 16;
    private static int _open;

    /// <summary>Connects, says how many did, and answers each line on standard input with the number that are still connected.</summary>
    public static async Task RunAsync(string folder, Uri server, int connections, CancellationToken cancel)
    {
        using var tokens = TidemarkTokens.Open(folder);
        using var handler = new SocketsHttpHandler { UseProxy = false };
        using var transport = new HttpMessageInvoker(handler);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var refused = 0;
        await Parallel.ForAsync(0, connections, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (i, c) =>
        {
            var token = tokens.Create($"user-{i / DevicesOfAUser}", TimeSpan.FromHours(4));
            var address = new UriBuilder(new Uri(server, $"sync/live?deviceId=device-{i}")) { Scheme = "ws" }.Uri;
            if (await ConnectAsync(address, token, transport, stop.Token) is { } why && Interlocked.Increment(ref refused) == 1)
            {
                await Console.Error.WriteLineAsync($"A connection was not made: {why}");
            }
        });
        Console.WriteLine(Volatile.Read(ref _open));
        while (Console.ReadLine() is not null)
        {
            Console.WriteLine(Volatile.Read(ref _open));
        }

        await stop.CancelAsync();
    }

    // Null: it is connected and has been told where its space stands.
    private static async Task<string?> ConnectAsync(Uri address, string token, HttpMessageInvoker transport, CancellationToken stop)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + token);
        socket.Options.KeepAliveInterval = Timeout.InfiniteTimeSpan; // The server asks, which is what is measured.
        try
        {
            await socket.ConnectAsync(address, transport, stop);
            var buffer = new byte[512];
            await socket.ReceiveAsync(buffer.AsMemory(), stop);
            Interlocked.Increment(ref _open);
            _ = HearAsync(socket, buffer, stop);
            return null;
        }
        catch (Exception e) when (e is WebSocketException or HttpRequestException or IOException)
        {
            socket.Dispose();
            return e.Message;
        }
    }

    // Reading answers the server's pings.
    private static async Task HearAsync(ClientWebSocket socket, byte[] buffer, CancellationToken stop)
    {
        try
        {
            while ((await socket.ReceiveAsync(buffer.AsMemory(), stop)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // Its end is counted below.
        }

        Interlocked.Decrement(ref _open);
        socket.Dispose();
    }
}
