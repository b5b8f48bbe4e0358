using System.Net.Sockets;

namespace Tidemark.Torture;

/// <summary>Stands between one device and the server; swallows what goes one way or the other for as long as it is told to.</summary>
internal sealed class CutProxy : LoopbackProxy
{
    public CutProxy(int serverPort)
        : base(serverPort) => Start();

    public volatile bool CutRequests;
    public volatile bool CutResponses;

    protected override void StopFaults() => CutRequests = CutResponses = false;

    protected override Task CarryAsync(TcpClient device, TcpClient server)
        => Task.WhenAny(PumpAsync(device, server, () => CutRequests), PumpAsync(server, device, () => CutResponses));

    private async Task PumpAsync(TcpClient from, TcpClient to, Func<bool> isCut)
    {
        var buffer = new byte[16 * 1024];
        var (source, target) = (from.GetStream(), to.GetStream());
        while (await source.ReadAsync(buffer, End) is var read and > 0)
        {
            if (!isCut())
            {
                await target.WriteAsync(buffer.AsMemory(0, read), End);
            }
        }
    }
}
