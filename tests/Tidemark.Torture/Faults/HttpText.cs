using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Tidemark.Torture.Faults;

/// <summary>One message of HTTP/1.1 as it came over the wire.</summary>
/// <param name="Head">First line and headers, with the empty line.</param>
/// <param name="Body">As sent, chunks and all.</param>
internal sealed record HttpText(byte[] Head, byte[] Body)
{
    public byte[] Bytes => [.. Head, .. Body];

    public string FirstLine => HeadText[..HeadText.IndexOf('\r', StringComparison.Ordinal)];

    public bool IsUpgrade => HeadText.Contains("\r\nUpgrade:", StringComparison.OrdinalIgnoreCase);

    public bool IsChunked => HeadText.Contains("\r\nTransfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase);

    private string HeadText => Encoding.ASCII.GetString(Head);

    /// <summary>The next message; null when the other side has closed.</summary>
    public static async Task<HttpText?> ReadAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var head = await UntilAsync(stream, "\r\n\r\n"u8.ToArray(), cancellationToken);
        if (head.Length == 0)
        {
            return null;
        }

        var text = Encoding.ASCII.GetString(head);
        if (new HttpText(head, []).IsChunked)
        {
            return new HttpText(head, await ChunksAsync(stream, cancellationToken));
        }

        var length = HeaderOf(text, "Content-Length") is { } value ? int.Parse(value, CultureInfo.InvariantCulture) : 0;
        return new HttpText(head, await ExactlyAsync(stream, length, cancellationToken));
    }

    /// <summary>With a header changed, or added.</summary>
    public HttpText With(string name, string value)
    {
        var lines = HeadText.Split("\r\n").Where(l => l.Length > 0 && !l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Append($"{name}: {value}");
        return this with { Head = Encoding.ASCII.GetBytes(string.Join("\r\n", lines) + "\r\n\r\n") };
    }

    public static HttpText Answer(string status, string body, string type, params (string Name, string Value)[] headers)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var head = new StringBuilder($"HTTP/1.1 {status}\r\nContent-Type: {type}\r\n");
        head.Append(CultureInfo.InvariantCulture, $"Content-Length: {bytes.Length}\r\n");
        foreach (var (name, value) in headers)
        {
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }

        return new HttpText(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), bytes);
    }

    private static string? HeaderOf(string head, string name)
    {
        var line = head.Split("\r\n").FirstOrDefault(l => l.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase));
        return line?[(name.Length + 1)..].Trim();
    }

    private static async Task<byte[]> ChunksAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var body = new List<byte>();
        while (true)
        {
            var line = await UntilAsync(stream, "\r\n"u8.ToArray(), cancellationToken);
            var length = int.Parse(Encoding.ASCII.GetString(line).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            body.AddRange(line);
            body.AddRange(await ExactlyAsync(stream, length + 2, cancellationToken));
            if (length == 0)
            {
                return [.. body];
            }
        }
    }

    private static async Task<byte[]> UntilAsync(NetworkStream stream, byte[] end, CancellationToken cancellationToken)
    {
        var bytes = new List<byte>();
        var one = new byte[1];
        while (bytes.Count < end.Length || !bytes[^end.Length..].SequenceEqual(end))
        {
            if (await stream.ReadAsync(one, cancellationToken) == 0)
            {
                return [];
            }

            bytes.Add(one[0]);
        }

        return [.. bytes];
    }

    private static async Task<byte[]> ExactlyAsync(NetworkStream stream, int length, CancellationToken cancellationToken)
    {
        var bytes = new byte[length];
        await stream.ReadExactlyAsync(bytes, cancellationToken);
        return bytes;
    }
}
