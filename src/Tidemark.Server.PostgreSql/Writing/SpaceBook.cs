using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Columns;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Writing;

/// <summary>What a transaction has read or written of its space besides rows and verdicts: pushes, counters, ids that came back. Kept and written as the rows are.</summary>
internal sealed class SpaceBook(string schema, SpaceId space)
{
    private readonly Dictionary<(UserId, string), StorePush?> _pushes = [];
    private readonly Dictionary<(UserId User, string StoreId), StorePush> _newPushes = [];
    private readonly Dictionary<(string Type, Guid MadeBy), EntityKey?> _made = [];
    private readonly Dictionary<(string Type, Guid MadeBy), EntityKey> _newMade = [];
    private readonly Dictionary<string, CounterEntry> _counters = new(StringComparer.Ordinal);

    public Stack<Action>? Undo { get; set; }

    public bool TryPush(UserId user, string storeId, out StorePush? push) => _pushes.TryGetValue((user, storeId), out push);

    public PlannedRead LoadPush(UserId user, string storeId)
    {
        var command = TypeQueries.Spaced($"SELECT push_seq, operation_id FROM {schema}._tm_store WHERE space_id = $1 AND user_id = $2 AND store_id = $3", space);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = user.Value });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = storeId });
        return new PlannedRead(command, async (reader, token) =>
            _pushes[(user, storeId)] = await reader.ReadAsync(token).ConfigureAwait(false) ? new StorePush(reader.GetInt64(0), reader.GetString(1)) : null);
    }

    public void Put(UserId user, string storeId, StorePush push) => _pushes[(user, storeId)] = _newPushes[(user, storeId)] = push;

    public bool TryMade(EntityType type, Guid madeBy, out EntityKey? key) => _made.TryGetValue((type.Name, madeBy), out key);

    public PlannedRead LoadMade(EntityType type, IReadOnlyList<Guid> makers)
    {
        var command = TypeQueries.Spaced($"SELECT x.* FROM unnest($3::uuid[]) AS u(made_by) CROSS JOIN LATERAL (SELECT m.made_by, m.id::text FROM {schema}._tm_made m WHERE m.space_id = $1 AND m.type = $2 AND m.made_by = u.made_by OFFSET 0) x", space);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = type.Name });
        command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = makers.ToArray() });
        return new PlannedRead(command, async (reader, token) =>
        {
            foreach (var maker in makers)
            {
                _made.TryAdd((type.Name, maker), null);
            }

            while (await reader.ReadAsync(token).ConfigureAwait(false))
            {
                _made[(type.Name, reader.GetGuid(0))] = new EntityKey(ExactJson.Read(reader.GetString(1)));
            }
        });
    }

    public void Put(EntityType type, Guid madeBy, EntityKey key)
    {
        var name = (type.Name, madeBy);
        var had = _made.TryGetValue(name, out var former);
        var hadNew = _newMade.TryGetValue(name, out var formerNew);
        _made[name] = _newMade[name] = key;
        Undo?.Push(() =>
        {
            Restore(_made, name, had, former);
            Restore(_newMade, name, hadNew, formerNew);
        });
    }

    public CounterEntry? FindCounter(EntityType type) => _counters.GetValueOrDefault(type.Name);

    public void ForgetCounters() => _counters.Clear();

    /// <summary>Reads the counter, and the highest id of rows and tombstones for where there is none.</summary>
    public IEnumerable<PlannedRead> LoadCounter(TypeQueries type)
    {
        var entry = new CounterEntry();
        var command = TypeQueries.Spaced($"SELECT last, forgotten FROM {schema}._tm_counter WHERE space_id = $1 AND type = $2", space);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = type.Type.Name });
        yield return new PlannedRead(command, async (reader, token) =>
        {
            if (await reader.ReadAsync(token).ConfigureAwait(false))
            {
                entry.Recorded = new IdCounter(reader.GetInt64(0), reader.GetInt64(1));
            }
        });
        yield return new PlannedRead(TypeQueries.Spaced(type.HighestId, space), async (reader, token) =>
        {
            while (await reader.ReadAsync(token).ConfigureAwait(false))
            {
                entry.Highest = Math.Max(entry.Highest, reader.IsDBNull(0) ? 0 : reader.GetInt64(0));
            }

            _counters[type.Type.Name] = entry;
        });
    }

    public void SetLast(EntityType type, long last)
    {
        var entry = _counters[type.Name];
        var former = (entry.Recorded, entry.IsDirty);
        var recorded = entry.Recorded ?? default;
        entry.Recorded = recorded with { Last = Math.Max(recorded.Last, last) };
        entry.IsDirty = true;
        Undo?.Push(() => (entry.Recorded, entry.IsDirty) = former);
    }

    /// <summary>Writes what was put.</summary>
    public IEnumerable<NpgsqlBatchCommand> Write()
    {
        foreach (var ((user, storeId), push) in _newPushes)
        {
            var command = TypeQueries.Spaced($"INSERT INTO {schema}._tm_store(space_id, user_id, store_id, push_seq, operation_id) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (space_id, user_id, store_id) DO UPDATE SET push_seq = excluded.push_seq, operation_id = excluded.operation_id", space);
            command.Parameters.AddRange(new NpgsqlParameter[] { Text(user.Value), Text(storeId), new NpgsqlParameter<long> { TypedValue = push.PushSeq }, Text(push.SyncOperationId) });
            yield return command;
        }

        foreach (var ((type, madeBy), key) in _newMade)
        {
            var command = TypeQueries.Spaced($"INSERT INTO {schema}._tm_made(space_id, type, made_by, id) VALUES ($1, $2, $3, $4::text::jsonb) ON CONFLICT (space_id, type, made_by) DO UPDATE SET id = excluded.id", space);
            command.Parameters.AddRange(new NpgsqlParameter[] { Text(type), new NpgsqlParameter<Guid> { TypedValue = madeBy }, Text(ExactJson.Write(key[0])) });
            yield return command;
        }

        foreach (var (type, entry) in _counters.Where(c => c.Value.IsDirty).OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            var command = TypeQueries.Spaced($"INSERT INTO {schema}._tm_counter AS c (space_id, type, last, forgotten) VALUES ($1, $2, $3, 0) ON CONFLICT (space_id, type) DO UPDATE SET last = greatest(c.last, excluded.last)", space);
            command.Parameters.AddRange(new NpgsqlParameter[] { Text(type), new NpgsqlParameter<long> { TypedValue = entry.Recorded!.Value.Last } });
            yield return command;
        }
    }

    private static NpgsqlParameter Text(string text) => new NpgsqlParameter<string> { TypedValue = text };

    private static void Restore<TKey, TValue>(Dictionary<TKey, TValue> map, TKey key, bool had, TValue? former)
        where TKey : notnull
    {
        if (had)
        {
            map[key] = former!;
        }
        else
        {
            map.Remove(key);
        }
    }
}

/// <summary>The ids of one type that were given.</summary>
internal sealed class CounterEntry
{
    /// <summary>What is kept; null: nothing, and the highest id of rows and tombstones counts.</summary>
    public IdCounter? Recorded { get; set; }

    /// <summary>In the database.</summary>
    public long Highest { get; set; }

    public bool IsDirty { get; set; }
}
