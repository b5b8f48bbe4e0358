using Microsoft.Data.Sqlite;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Queries;

/// <summary>How far a type's rows had come: the last note of a change, and how often the engine had written.</summary>
internal readonly record struct TypeMark(long Seq, long Applied);

/// <summary>Which changes a snapshot has seen, type by type. Comparing two tells which types were touched between them.</summary>
internal sealed class StoreMark
{
    private readonly Dictionary<int, TypeMark> _types;

    private StoreMark(long lastSeq, Dictionary<int, TypeMark> types)
    {
        LastSeq = lastSeq;
        _types = types;
    }

    public static StoreMark None { get; } = new(0, []);

    /// <summary>The last note the snapshot held, of whatever type.</summary>
    public long LastSeq { get; }

    /// <summary>The mark of the snapshot the connection reads in.</summary>
    /// <param name="connection">In a transaction, so that what is read next is of the same snapshot.</param>
    /// <param name="known">The mark of a snapshot that is not newer: only notes behind it are read.</param>
    public static StoreMark Read(SqliteConnection connection, StoreMark known)
    {
        var types = new Dictionary<int, TypeMark>(known._types);
        foreach (var row in connection.Query("SELECT type, max(seq) FROM _tm_touch WHERE seq > ?1 AND type <> 0 AND op <> 'M' GROUP BY type", Value.Integer(known.LastSeq)))
        {
            var type = (int)row[0].AsInteger;
            types[type] = new TypeMark(row[1].AsInteger, types.GetValueOrDefault(type).Applied);
        }

        foreach (var row in connection.Query("SELECT type, seq, applied FROM _tm_changed"))
        {
            var type = (int)row[0].AsInteger;
            types[type] = new TypeMark(Math.Max(types.GetValueOrDefault(type).Seq, row[1].AsInteger), row[2].AsInteger);
        }

        var last = connection.Scalar("SELECT max(seq) FROM _tm_touch");
        return new StoreMark(last.Kind == ValueKind.Integer ? last.AsInteger : 0, types);
    }

    /// <summary>Was the type touched between this mark and a later one?</summary>
    public bool IsTouched(int type, StoreMark later)
    {
        var (before, after) = (_types.GetValueOrDefault(type), later._types.GetValueOrDefault(type));
        return after.Seq > before.Seq || after.Applied > before.Applied;
    }
}

/// <summary>What is known of the file's commits.</summary>
/// <param name="mark">The newest mark that was read.</param>
/// <param name="commits">Rises whenever somebody was seen to have committed.</param>
/// <param name="isClosed">The store was closed: no other state comes.</param>
internal sealed class StoreState(StoreMark mark, long commits, bool isClosed = false)
{
    private readonly TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StoreMark Mark => mark;

    public long Commits => commits;

    public bool IsClosed => isClosed;

    /// <summary>Completes when a newer state is there.</summary>
    public Task Next => _next.Task;

    public void Pass() => _next.TrySetResult();
}
