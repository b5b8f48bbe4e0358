using System.Text;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Http;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Protocol;

namespace Tidemark.Fuzzing.Device;

/// <summary>Status, headers and body of any server, read by the device's remote: a message, or a <see cref="SyncException"/> with a pause of at most an hour.</summary>
public sealed class RefusalTarget : IFuzzTarget
{
    private static readonly byte[][] Words = [.. new[]
    {
        "Retry-After: ", "Date: ", "Content-Type: ", "Content-Encoding: ", "application/json", "application/problem+json", "text/html", "gzip", "br", "5", "-1", "1.5", "99999999999999999999", "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "soon", "\n", "429", "503", "410", "409", "200", "204", "302",
    }.Select(Encoding.UTF8.GetBytes)];

    private byte[] _answer = [];
    private readonly TidemarkHttpRemote _remote;

    public RefusalTarget() =>
        _remote = new TidemarkHttpRemote(new Uri("http://127.0.0.1/"), _ => Task.FromResult("t"), DeviceFile.Environment((_, _) => Answers.Of(_answer)));

    public string Name => "refusal";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. new[]
        {
            "429\nRetry-After: 5\nContent-Type: application/problem+json\n\n{\"status\":429,\"code\":\"RATE_LIMITED\",\"detail\":\"d\",\"retryable\":true,\"retryAfterMs\":5000}",
            "503\nDate: Sat, 31 Jan 2026 12:00:00 GMT\nRetry-After: Sat, 31 Jan 2026 12:05:00 GMT\nContent-Type: text/html\n\n<html>",
            "410\nContent-Type: application/problem+json\n\n{\"status\":410,\"code\":\"RESYNC_REQUIRED\",\"reason\":\"restored\",\"epoch\":\"e\",\"commonPosition\":7}",
            "200\nContent-Type: application/json\n\n{\"user\":\"ann\",\"limits\":{}}", "200\nContent-Type: application/json\nContent-Encoding: gzip\n\nx", "401\n\n",
        }.Select(FuzzModel.Utf8),
    ];

    public byte[]? Make(FuzzDice dice) => [.. dice.Of(Words), .. "\nContent-Type: application/problem+json\nRetry-After: "u8, .. dice.Of(Words), .. "\nDate: "u8, .. dice.Of(Words), .. "\n\n"u8, .. FuzzModel.Utf8($$"""{"code":"{{dice.Of(["RATE_LIMITED", "RESYNC_REQUIRED", "UNAVAILABLE", "x"])}}","retryAfterMs":{{dice.Of(["1", "-1", "9223372036854775807", "null"])}},"status":429}""")];

    public byte[] Vary(byte[] input, byte[] other, FuzzDice dice)
    {
        var body = input.AsSpan().IndexOf("\n\n"u8) + 2;
        return dice.Chance(50) && body > 1 ? [.. input.AsSpan(0, body), .. JsonVariations.Vary(input[body..], other, dice, FuzzModel.Names)] : ByteVariations.Vary(input, other, dice, Words);
    }

    public string Run(byte[] input)
    {
        _answer = input;
        return string.Join(" | ", Shape(() => _remote.GetModelAsync(default)), Shape(() => _remote.PushAsync("{}"u8.ToArray(), default)), Shape(() => _remote.GetChangesAsync(new ChangesRequest(), default)));
    }

    public void Dispose() => _remote.Dispose();

    private static string Shape<T>(Func<Task<T>> ask)
    {
        try
        {
            ask().GetAwaiter().GetResult();
            return "answer";
        }
        catch (SyncException e)
        {
            return e.RetryAfter is { } pause && (pause <= TimeSpan.Zero || pause > TimeSpan.FromHours(1))
                ? throw new FindingException($"A pause of {pause} is taken from a server.")
                : $"{e.Code} {e.WireCode is not null} {e.RetryAfter is not null}";
        }
    }
}
