#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using System.Security.Cryptography;
using Tidemark.Client.Engines;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Spaces;

/// <summary>
/// Takes the rows of a space that the user is no member of any more out of the file. Edits of them that were not sent, or whose fate is unknown, are kept as dead
/// letters with the whole row. One transaction that holds the guard.
/// </summary>
/// <param name="s">The space's session.</param>
/// <param name="environment">Time and ids.</param>
/// <param name="context">Is told of the rows that go.</param>
/// <param name="claim">The run lock's token.</param>
internal sealed class SpaceLeaver(StoreSession s, SyncEnvironment environment, SyncBatchContext context, long claim)
{
    private const string Reason = "You are no member of the space any more. The row is kept here as it was; export it, or retry when you are a member again.";
    private readonly HashSet<RowId> _going = [];

    /// <returns>How many rows went.</returns>
    public int Leave()
    {
        TouchSorter.Run(s);
        BuryCommands();
        BuryEdits();
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.LeftRowsStay))
        {
            _going.Clear();
            return Forget();
        }
#endif
        Collect();
        return Forget();
    }

    // What was on its way may have arrived; nobody will say.
    private void BuryCommands()
    {
        foreach (var command in s.Outbox.ReadAll())
        {
            s.Outbox.MarkDeadLetter(command.Id, ErrorCodes.SpaceNotFound, Reason, null, null, null, serverDeleted: true, environment.NowMs);
        }
    }

    private void BuryEdits()
    {
        var held = s.Outbox.ReadAll().Select(c => (c.Type, c.Key)).ToHashSet();
        var seqs = new List<long>();
        var (dead, absorbed, folded) = (0, 0L, 0L);
        foreach (var row in s.Outbox.ReadTouches(0, int.MaxValue).Where(t => t.Type != 0).GroupBy(t => (t.Type, Key: s.FindTable(t.Type)?.KeyOf(t))))
        {
            seqs.AddRange(row.Select(t => t.Seq));
            if (row.Key.Key is { } key && s.FindTable(row.Key.Type) is { } table && Letter(table, key, row.First().Seq, held) is { } letter)
            {
                s.Outbox.Insert(letter, claim);
                dead++;
                folded += row.Count() - 1;
            }
            else
            {
                absorbed += row.Count();
            }
        }

        s.Outbox.Consume(seqs);
        s.Outbox.Count(Counters.Folded, folded);
        s.Outbox.Count(Counters.Absorbed, absorbed);
    }

    // Null: the row is as the server has it.
    private StoredCommand? Letter(EntityTable table, EntityKey key, long seq, HashSet<(int, string)> held)
    {
        var live = Live(table, key);
        var entry = table.ReadEntry(s.Db, key, s.Remote);
        var @base = s.BaseOf(table, key, entry, live);
        if ((live is null && @base is null) || (live is not null && @base is not null && live.SameAs(@base)))
        {
            return null;
        }

        var operation = live is null ? Operation.Delete : @base is null ? Operation.Create : Operation.Update;
        var wire = new PushCommand { Id = environment.NewId(), Type = table.Type, Operation = operation, EntityId = key, Payload = live, BaseVersion = entry?.Version, OccurredAt = environment.Now };
        var payload = wire.ToUtf8();
        return new StoredCommand
        {
            Id = wire.Id,
            Type = table.Number,
            Key = key.ToString(),
            Operation = operation,
            Payload = payload,
            Hash = SHA256.HashData(payload),
            BaseVersion = entry?.Version,
            Sent = live is null ? null : RowBytes.Of(live),
            Status = CommandStatus.DeadLetter,
            LastCode = ErrorCodes.SpaceNotFound,
            LastError = held.Contains((table.Number, key.ToString())) ? Reason + " An earlier edit of it is a dead letter too." : Reason,
            ServerDeleted = true,
            Events = 1,
            FirstSeq = seq,
            StateUpdatedAtMs = environment.NowMs,
        };
    }

    // Every row that the space has shown or that was made for it; and whatever cannot stand without one of them.
    private void Collect()
    {
        var open = new Queue<(EntityTable Table, EntityKey Key)>();
        void Go(EntityTable table, EntityKey key)
        {
            if (_going.Add(new RowId(table.Number, key)))
            {
                open.Enqueue((table, key));
            }
        }

        foreach (var table in s.Tables)
        {
            foreach (var key in s.Db.Query($"SELECT {table.MetaKeys} FROM {table.RowTable} WHERE remote = ?1", st => table.KeyAt(st, 0), Value.Integer(s.Remote)))
            {
                Go(table, key);
            }
        }

        foreach (var letter in s.Outbox.ReadAll(CommandStatus.DeadLetter))
        {
            if (s.FindTable(letter.Type) is { } table && StoreSession.KeyFrom(table.Type, letter.Key) is var key && !s.Owners!.IsOthers(table, key))
            {
                Go(table, key);
            }
        }

        while (open.TryDequeue(out var parent))
        {
            foreach (var edge in s.Model.Graph.To(parent.Table.Type).Where(e => e.TargetsKey))
            {
                foreach (var key in Dependents.Children(s, s.Table(edge.Source), edge, parent.Key))
                {
                    Part(s.Table(edge.Source), key, edge, Go);
                }
            }
        }
    }

    // Only a row whose own sending was refused refers to another space's row.
    private void Part(EntityTable child, EntityKey key, Model.Entities.RelationEdge edge, Action<EntityTable, EntityKey> go)
    {
        if (_going.Contains(new RowId(child.Number, key)))
        {
            return;
        }

        if (edge.Relation.Required || edge.SourceOrdinals.Any(o => child.Type.IsKey(o) || !child.Type.Fields[o].Nullable) || Live(child, key) is not { } row)
        {
            go(child, key);
            return;
        }

        child.Update(s.Db, edge.SourceOrdinals.Aggregate(row, (r, o) => r.With(o, Value.Null)));
        context.TouchSource(child, key);
        s.Outbox.Touch(child, key, "M", environment.NowMs);
    }

    private int Forget()
    {
        var gone = 0;
        foreach (var group in _going.GroupBy(id => id.Type))
        {
            var table = s.FindTable(group.Key)!;
            foreach (var id in group)
            {
                s.Handlers.For(table.Type.Name).Delete(s.Db, table, id.Key);
                gone += s.Db.Changes > 0 ? 1 : 0;
                context.TouchTarget(table, id.Key);
            }
        }

        var remote = Value.Integer(s.Remote);
        foreach (var table in s.Tables)
        {
            s.Db.Execute($"DELETE FROM {table.RowTable} WHERE remote = ?1", remote);
            s.Db.Execute($"DELETE FROM {table.BaseTable} WHERE remote = ?1", remote);
        }

        foreach (var books in new[] { "_tm_cursor", "_tm_idmap", "_tm_tombstone", "_tm_stage", "_tm_aside", "_tm_offer", "_tm_content", "_tm_mark", "_tm_rebase" })
        {
            s.Db.Execute($"DELETE FROM {books} WHERE remote = ?1", remote);
        }

        s.Db.Execute("UPDATE _tm_remote SET gone = 1, epoch = NULL, cursor = NULL, floor_position = NULL, floor_token = NULL, resync = NULL, lost = 0, until = NULL WHERE id = ?1", remote);
        return gone;
    }

    private Row? Live(EntityTable table, EntityKey key)
    {
        try
        {
            return LiveRows.Read(s, table, key).Visible;
        }
        catch (UnfitValueException)
        {
            return null;
        }
    }
}
