using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>Merges rows and tombstones of all asked types by (position, type, key) while they are read.</summary>
internal sealed class ChangeMerger(ServerConnection db, SpaceId space, ChangesRange range)
{
    public void Run(IChangeSink sink, CancellationToken cancellationToken)
    {
        var streams = new PriorityQueue<Stream, Stream>(StreamOrder.Instance);
        var open = new List<Stream>();
        try
        {
            foreach (var (type, after) in range.Starts)
            {
                foreach (var stream in new[] { Open(type, after, gone: false), Open(type, after, gone: true) })
                {
                    open.Add(stream);
                    if (stream.Next())
                    {
                        streams.Enqueue(stream, stream);
                    }
                }
            }

            while (streams.TryDequeue(out var stream, out _))
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (!sink.TryAdd(stream.Current))
                {
                    return;
                }

                if (stream.Next())
                {
                    streams.Enqueue(stream, stream);
                }
            }
        }
        finally
        {
            open.ForEach(s => s.Reset());
        }
    }

    private Stream Open(EntityType type, ChangePlace after, bool gone)
    {
        var table = db.Table(type);
        var statement = db.Prepare((gone, after.Key) switch
        {
            (false, null) => table.ChangesBehindPosition,
            (false, _) => table.ChangesBehindKey,
            (true, null) => table.GoneBehindPosition,
            _ => table.GoneBehindKey,
        });
        statement.Bind(1, space.Value);
        statement.Bind(2, after.Position);
        statement.Bind(3, range.Until);
        if (after.Key is { } key)
        {
            TypeTable.BindKey(statement, 4, key);
        }

        return new Stream(table, statement, gone);
    }

    private sealed class Stream(TypeTable table, RawStatement statement, bool gone)
    {
        public StoredChange Current { get; private set; }

        public EntityType Type => table.Type;

        public bool Next()
        {
            if (!statement.Step())
            {
                return false;
            }

            if (gone)
            {
                var tombstone = table.TombstoneAt(statement);
                Current = new StoredChange(table.Type, tombstone.Key, null, tombstone.Version, tombstone.Origin);
            }
            else
            {
                var row = table.StoredAt(statement);
                Current = new StoredChange(table.Type, row.Row.Key, row.Row, row.Version, row.Origin);
            }

            return true;
        }

        public void Reset() => statement.Reset();
    }

    private sealed class StreamOrder : IComparer<Stream>
    {
        public static StreamOrder Instance { get; } = new();

        public int Compare(Stream? x, Stream? y)
        {
            var byPosition = x!.Current.Version.CompareTo(y!.Current.Version);
            if (byPosition != 0)
            {
                return byPosition;
            }

            var byType = string.CompareOrdinal(x.Type.Name, y.Type.Name);
            return byType != 0 ? byType : SqliteOrder.Compare(x.Type, x.Current.Key, y.Current.Key);
        }
    }
}
