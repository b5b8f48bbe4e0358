using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Tidemark.Torture;

/// <summary>
/// What a traced process wrote to some files, and what of it had reached the disk. A power loss keeps everything up to a file's last
/// sync, and of what came after it any part: single writes, in any choice, also torn ones.
/// </summary>
internal sealed partial class DiskLog
{
    private const int SectorBytes = 512;
    private const int TimeoutMs = 10_000;
    private readonly Dictionary<string, List<byte>> _durable = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(long Offset, byte[]? Data)>> _pending = new(StringComparer.Ordinal);

    /// <param name="files">The files to follow, as they are now: on the disk.</param>
    public DiskLog(IEnumerable<string> files)
    {
        foreach (var file in files)
        {
            _durable[file] = File.Exists(file) ? [.. File.ReadAllBytes(file)] : [];
            _pending[file] = [];
        }
    }

    /// <summary>How often a write came to the disk for sure.</summary>
    public int Syncs { get; private set; }

    /// <summary>How many writes the power loss could choose from.</summary>
    public int Pending => _pending.Values.Sum(p => p.Count);

    /// <summary>strace with what this reads, which kills the process on entering a write that is reached with that count on one thread.</summary>
    public static string[] Tracer(string log, int killAt) =>
    [
        "strace", "-f", "-y", "-xx", "-s", "2000000", "-o", log, "-e", "trace=pwrite64,write,fsync,fdatasync,ftruncate,unlink",
        "-e", string.Create(CultureInfo.InvariantCulture, $"inject=pwrite64:signal=SIGKILL:when={killAt}"),
    ];

    public void Read(string log)
    {
        var begun = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var raw in File.ReadLines(log))
        {
            var space = raw.IndexOf(' ', StringComparison.Ordinal);
            var (thread, line) = (raw[..space], raw[space..].TrimStart());
            if (line.EndsWith("<unfinished ...>", StringComparison.Ordinal))
            {
                begun[thread] = line[..^"<unfinished ...>".Length].TrimEnd();
                continue;
            }

            if (line.StartsWith("<... ", StringComparison.Ordinal) && begun.Remove(thread, out var start))
            {
                line = start + line[(line.IndexOf('>', StringComparison.Ordinal) + 1)..];
            }

            Take(line);
        }
    }

    /// <summary>Puts the files into the state in which the power left them.</summary>
    public void Lose(Random random)
    {
        foreach (var (file, image) in _durable)
        {
            foreach (var (offset, data) in _pending[file].Where(_ => random.Next(2) == 0))
            {
                var torn = data is { Length: > SectorBytes } && random.Next(8) == 0;
                Put(image, offset, torn ? data![..(SectorBytes * random.Next(1, data!.Length / SectorBytes))] : data);
            }

            File.Delete(file);
            if (image.Count > 0)
            {
                File.WriteAllBytes(file, [.. image]);
            }
        }
    }

    private void Take(string line)
    {
        if (Call().Match(line) is not { Success: true } call || !Done().IsMatch(line))
        {
            return;
        }

        var file = Encoding.UTF8.GetString(Bytes(call.Groups["file"].Value));
        if (!_pending.TryGetValue(file, out var pending))
        {
            return;
        }

        var rest = call.Groups["rest"].Value;
        switch (call.Groups["name"].Value)
        {
            case "pwrite64" when Write().Match(rest) is { Success: true } write:
                pending.Add((long.Parse(write.Groups["offset"].Value, CultureInfo.InvariantCulture), Bytes(write.Groups["data"].Value)));
                break;
            case "ftruncate" when Number().Match(rest) is { Success: true } length:
                pending.Add((long.Parse(length.Value, CultureInfo.InvariantCulture), null));
                break;
            case "fsync" or "fdatasync":
                pending.ForEach(w => Put(_durable[file], w.Offset, w.Data));
                pending.Clear();
                Syncs++;
                break;
        }
    }

    // strace writes every byte of a path or a buffer as \x2f.
    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace("\\x", "", StringComparison.Ordinal));

    // Without data: the length it is cut to.
    private static void Put(List<byte> image, long offset, byte[]? data)
    {
        var end = (int)offset + (data?.Length ?? 0);
        if (data is null && image.Count > end)
        {
            image.RemoveRange(end, image.Count - end);
            return;
        }

        if (image.Count < end)
        {
            image.AddRange(new byte[end - image.Count]);
        }

        for (var i = 0; i < data?.Length; i++)
        {
            image[(int)offset + i] = data[i];
        }
    }

    [GeneratedRegex("^(?<name>[a-z0-9]+)\\([0-9]+<(?<file>[^>]*)>(?<rest>.*)$", RegexOptions.ExplicitCapture, TimeoutMs)]
    private static partial Regex Call();

    [GeneratedRegex("\"(?<data>[^\"]*)\", [0-9]+, (?<offset>[0-9]+)", RegexOptions.ExplicitCapture, TimeoutMs)]
    private static partial Regex Write();

    [GeneratedRegex("[0-9]+", RegexOptions.ExplicitCapture, TimeoutMs)]
    private static partial Regex Number();

    [GeneratedRegex("\\) += +[0-9]+[^\"]*$", RegexOptions.ExplicitCapture, TimeoutMs)]
    private static partial Regex Done();
}
