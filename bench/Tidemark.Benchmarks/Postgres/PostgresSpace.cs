using Tidemark.Benchmarks.Rows;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;

namespace Tidemark.Benchmarks.Postgres;

/// <summary>A user's space as one device pushes into it, without HTTP between them.</summary>
internal sealed class PostgresSpace(SyncServer server, string user, string table)
{
    private const int CommandsAPush = 1000;
    private long _sequence;

    public Caller Caller { get; } = new(new UserId(user), IsAdministrator: true);

    public SyncServer Server => server;

    /// <summary>Where its live rows stand, with the schema.</summary>
    public string Table => table;

    /// <summary>The request as it comes over the wire; bodies are pushed in the order they are made in.</summary>
    public byte[] BodyOf(IEnumerable<PushCommand> commands) =>
        PushRequest.Write(new PushEnvelope { DeviceId = "bench", StoreId = "bench", PushSeq = ++_sequence }, [.. commands.Select(c => c.ToUtf8())]);

    /// <returns>The version that the rows have now.</returns>
    /// <exception cref="InvalidOperationException">Not all of them were accepted.</exception>
    public async Task<long> PushAsync(byte[] body, int commands, CancellationToken cancel)
    {
        var answer = await server.PushAsync(Caller, body, cancel);
        return answer.Successful.Count == commands
            ? answer.Mark.Position
            : throw new InvalidOperationException($"Of {commands} commands {answer.Successful.Count} were accepted.");
    }

    /// <summary>Pushes the first rows, a thousand at a time.</summary>
    /// <returns>The version of each thousand.</returns>
    public async Task<IReadOnlyList<long>> FillAsync(int rows, CancellationToken cancel)
    {
        var versions = new List<long>();
        foreach (var part in BenchRow.Range(0, rows).Chunk(CommandsAPush))
        {
            versions.Add(await PushAsync(BodyOf(part.Select(WireTable.Create)), part.Length, cancel));
        }

        return versions;
    }
}
