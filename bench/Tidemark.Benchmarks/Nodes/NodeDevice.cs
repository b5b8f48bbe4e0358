using System.Globalization;
using System.Net.Http.Headers;
using Tidemark.Benchmarks.Postgres;
using Tidemark.Benchmarks.Rows;
using Tidemark.Model.Protocol;

namespace Tidemark.Benchmarks.Nodes;

/// <summary>A user's only device, without a store: it pushes new rows one request after the other.</summary>
internal sealed class NodeDevice : IDisposable
{
    private const int RowsOfAUser = 1_000_000;
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });
    private readonly string _name;
    private int _next;
    private long _sequence;

    public NodeDevice(string token, int number)
    {
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        _name = "device-" + number.ToString(CultureInfo.InvariantCulture);
        _next = number * RowsOfAUser;
    }

    public async Task RegisterAsync(Uri node, byte[] model, CancellationToken cancel)
    {
        using var content = JsonOf(model);
        using var answer = await _http.PutAsync(new Uri(node, "sync/model"), content, cancel);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>Requests for rows that nobody has yet.</summary>
    public IReadOnlyList<byte[]> Prepare(int rows, int rowsAPush)
    {
        var bodies = BenchRow.Range(_next, rows).Chunk(rowsAPush)
            .Select(part => PushRequest.Write(new PushEnvelope { DeviceId = _name, StoreId = _name, PushSeq = ++_sequence }, [.. part.Select(r => WireTable.Create(r).ToUtf8())])).ToList();
        _next += rows;
        return bodies;
    }

    public async Task PushAsync(Uri node, IReadOnlyList<byte[]> bodies, CancellationToken cancel)
    {
        foreach (var body in bodies)
        {
            using var content = JsonOf(body);
            using var answer = await _http.PostAsync(new Uri(node, "sync/push"), content, cancel);
            answer.EnsureSuccessStatusCode();
            await answer.Content.ReadAsByteArrayAsync(cancel);
        }
    }

    public void Dispose() => _http.Dispose();

    private static ByteArrayContent JsonOf(byte[] body) => new(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
}
