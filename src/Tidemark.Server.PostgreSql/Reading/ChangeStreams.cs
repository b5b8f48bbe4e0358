using Npgsql;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Connections;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Reading;

/// <summary>Brings the changes of all asked types into the order (position, type, key) while they are read in parts; the first parts of all types come together.</summary>
internal sealed class ChangeStreams(PgSession session, TypeCatalog types, SpaceId space, ChangesRange range)
{
    private const int CountDefault = 1000;
    private const int PartMin = 64;

    /// <summary>Rows of one statement; more than a page has, because whether there are others behind it is asked with it.</summary>
    internal const int PartMax = 10_001;


    public async Task RunAsync(IChangeSink sink, CancellationToken cancellationToken)
    {
        var wanted = Math.Min((range.CountMax ?? CountDefault) + 1, PartMax);
        var part = range.Starts.Count <= 1 ? wanted : Math.Clamp(2 * wanted / range.Starts.Count, Math.Min(PartMin, wanted), wanted);
        var streams = range.Starts.Where(s => s.After.Position < range.Until || (s.After.Position == range.Until && s.After.Key is not null)).Select(s => new Stream(types.Of(s.Type), s.After)).ToList();
        if (streams is [var only])
        {
            await PassAsync(only, part, sink, cancellationToken).ConfigureAwait(false);
            return;
        }

        await FillAsync(streams, part, cancellationToken).ConfigureAwait(false);
        var order = new PriorityQueue<Stream, (long, string)>(Comparer<(long Position, string Type)>.Create(
            (a, b) => a.Position != b.Position ? a.Position.CompareTo(b.Position) : string.CompareOrdinal(a.Type, b.Type)));
        foreach (var stream in streams.Where(s => s.HasCurrent))
        {
            order.Enqueue(stream, stream.Place);
        }

        while (order.TryDequeue(out var stream, out _))
        {
            if (!sink.TryAdd(stream.Current))
            {
                return;
            }

            if (!stream.Next() && !stream.Ended)
            {
                await FillAsync([stream], part, cancellationToken).ConfigureAwait(false);
            }

            if (stream.HasCurrent)
            {
                order.Enqueue(stream, stream.Place);
            }
        }
    }

    // Nothing to bring into an order: each row is written while the next ones come.
    private async Task PassAsync(Stream stream, int part, IChangeSink sink, CancellationToken cancellationToken)
    {
        var wantsMore = true;
        while (wantsMore && !stream.Ended)
        {
            await session.RunAsync(
                [stream.Command(space, range.Until, part)],
                async (_, reader, token) => wantsMore = await stream.PassAsync(reader, part, sink, token).ConfigureAwait(false),
                cancellationToken).ConfigureAwait(false);
        }
    }

    private Task FillAsync(List<Stream> streams, int part, CancellationToken cancellationToken) => session.RunAsync(
        [.. streams.Select(s => s.Command(space, range.Until, part))],
        (i, reader, token) => streams[i].ReadAsync(reader, part, token),
        cancellationToken);

    private sealed class Stream(TypeQueries queries, ChangePlace after)
    {
        private readonly List<StoredChange> _part = [];
        private ChangePlace _after = after;
        private int _at;

        public bool Ended { get; private set; }

        public bool HasCurrent => _at < _part.Count;

        public StoredChange Current => _part[_at];

        public (long Position, string Type) Place => (Current.Version, queries.Type.Name);

        public NpgsqlBatchCommand Command(SpaceId space, long until, int part) => queries.Changes(space, _after, until, part);

        public bool Next()
        {
            _at++;
            return HasCurrent;
        }

        /// <returns>False when the sink has enough.</returns>
        public async Task<bool> PassAsync(NpgsqlDataReader reader, int part, IChangeSink sink, CancellationToken cancellationToken)
        {
            var count = 0;
            var row = new LineRow(queries, reader);
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                var change = queries.HeadAt(reader);
                if (!(TypeQueries.IsGone(reader) ? sink.TryAdd(change) : sink.TryAdd(change, row)))
                {
                    return false;
                }

                _after = new ChangePlace(change.Version, change.Key);
                count++;
            }

            Ended = count < part;
            return true;
        }

        public async Task ReadAsync(NpgsqlDataReader reader, int part, CancellationToken cancellationToken)
        {
            _part.Clear();
            _at = 0;
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                _part.Add(queries.ChangeAt(reader));
            }

            Ended = _part.Count < part;
            if (_part.Count > 0)
            {
                _after = new ChangePlace(_part[^1].Version, _part[^1].Key);
            }
        }
    }
}
