#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Environment;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>
/// Gives rows the keys that verdicts tell: ids of new rows, rows that a unique key made one of, and rows whose id a restored server has given to others since.
/// </summary>
internal sealed class VerdictKeys(StoreSession session, SyncEnvironment environment, SyncBatchContext context)
{
    private readonly IdCascade _cascade = new(session, environment, context);
    private MadeAgain? _again;
    private bool _hasFollowed;

    /// <summary>Commands whose row turned out to be one that was here already, with what was edited since they were sent.</summary>
    public Dictionary<Guid, Row?> Merged { get; } = [];

    /// <summary>Parents before children, so that everything after speaks of the rows by the keys they keep. True when any key changed.</summary>
    public bool Replace(PushResponse response, IReadOnlyDictionary<Guid, StoredCommand> commands)
    {
        var changed = false;
        var keys = response.Successful.Select(v => (v.CommandId, v.EntityType, Key: v.ServerId)).Concat(response.Conflicts.Select(v => (v.CommandId, v.EntityType, Key: v.EntityId)));
        foreach (var group in keys.GroupBy(k => k.EntityType, StringComparer.Ordinal)
            .OrderBy(g => session.FindTable(g.Key) is { } t ? session.Model.Graph.RankOf(t.Type) : int.MaxValue))
        {
            if (session.FindTable(group.Key) is { } table)
            {
                changed |= Replace(table, group.Select(g => (commands.GetValueOrDefault(g.CommandId), g.Key)));
            }
        }

        return changed;
    }

    public static EntityKey KeyOf(EntityTable table, RawJson raw)
    {
        var reader = new System.Text.Json.Utf8JsonReader(raw.Utf8.Span);
        reader.Read();
        return WireRow.ReadKey(table.Type, ref reader);
    }

    private bool Replace(EntityTable table, IEnumerable<(StoredCommand? Command, RawJson Told)> verdicts)
    {
        _again ??= new MadeAgain(session, _cascade, environment.NowMs);
        var pairs = new List<(EntityKey Old, EntityKey New)>();
        var known = new List<(EntityKey Old, EntityKey New)>();
        foreach (var (answered, told) in verdicts)
        {
            if (answered is not { } command || command.Operation == Operation.Rekey || (command.Operation == Operation.Create && !CanChangeKeys(table.Type)))
            {
                continue;
            }

            var (old, @new) = (StoreSession.KeyFrom(table.Type, command.Key), KeyOf(table, told));
            if (old != @new)
            {
                if (command.Operation == Operation.Create)
                {
                    if (command.BaseVersion is null && table.ReadEntry(session.Db, old, session.Remote) is not null)
                    {
                        Follow(table, command, @new); // The row on its way was deleted since, and the server's row that stands under its id now is another one.
                        continue;
                    }

                    if (_again.IsAnother(table, old)
#if TIDEMARK_MUTANTS
                        && !Mutants.Is(Mutant.AnswerFollowsReusedId)
#endif
                        )
                    {
                        _cascade.MoveAside(table, old, isMadeAgain: true); // The row on its way was deleted since; the new id is not that of what was made in its place.
                    }

                    NoteMerge(table, command, old, @new, pairs.Exists(p => p.New == @new));
                }
                else
                {
                    known.Add((old, @new));
                }

                session.IdMap.Save(table.Number, old.ToString(), @new.ToString(), environment.NowMs);
            }

            pairs.Add((old, @new));
        }

        if (!pairs.Exists(p => p.Old != p.New))
        {
            return _hasFollowed;
        }

        var joined = known.Where(k => !pairs.Exists(p => p.Old == k.New && p.Old != p.New))
            .Select(k => IsRevived(table, k.New) ? JoinedRow.OfRevived(session, table, k.Old, k.New) : JoinedRow.Of(session, table, k.Old, k.New)).Where(j => j is not null).ToList();
        if (CanChangeKeys(table.Type))
        {
            MakeRoom(table, pairs, known);
            _cascade.Replace(table, pairs, joined.Select(j => j!.Key).ToHashSet()); // Else the row has followed the row its key refers to.
        }

        MoveKnown(table, known);
        joined.ForEach(j => j!.Keep(session, table, environment.NowMs));
        return true;
    }

    private void Follow(EntityTable table, StoredCommand command, EntityKey key)
    {
        session.IdMap.Save(table.Number, command.Key, key.ToString(), environment.NowMs);
        var sent = RowBytes.Read(table.Type, command.Sent);
        session.Outbox.Relocate(command.Id, key.ToString(), sent is null ? null : RowBytes.Of(EntityTable.Under(sent, key)));
        _hasFollowed = true;
    }

    private bool IsRevived(EntityTable table, EntityKey key) => table.ReadEntry(session.Db, key, session.Remote) is null && _again!.IsRevived(table, key);

    // A row that this device made is at the server's one of another key: by a new id, or because the rule of a unique key made one row of two.
    private static bool CanChangeKeys(EntityType type) =>
        type.Identity == IdentityModel.ServerAssigned || type.UniqueKeys.Any(u => u.Rule == UniqueRule.Merge);

    private void NoteMerge(EntityTable table, StoredCommand command, EntityKey old, EntityKey @new, bool isTaken)
    {
        var isKnown = isTaken || table.ReadEntry(session.Db, @new, session.Remote) is not null;
        if (!isKnown && table.Type.Identity == IdentityModel.ServerAssigned)
        {
            return;
        }

        var since = LiveRows.Read(session, table, old).Visible is { } live ? RowBytes.Read(table.Type, command.Sent)?.DifferenceTo(live) : null;
        Merged[command.Id] = since;
    }

    // The new id of one lost row may be the old one of another, whose own new id is still to be told.
    private void MakeRoom(EntityTable table, List<(EntityKey Old, EntityKey New)> pairs, List<(EntityKey Old, EntityKey New)> known)
    {
        if (known.Count == 0)
        {
            return;
        }

        var olds = pairs.Select(p => p.Old).ToHashSet();
        var ids = _cascade.Fresh(table, pairs.Select(p => p.New));
        foreach (var (old, @new) in known.ToArray())
        {
            if (!olds.Contains(@new) && table.ReadEntry(session.Db, @new, session.Remote) is { MadeBy: { } other } && other != table.ReadEntry(session.Db, old, session.Remote)?.MadeBy)
            {
                var aside = ids.Take();
                olds.Add(@new);
                pairs.Add((@new, aside));
                known.Add((@new, aside));
            }
        }
    }

    // What is known of a row is known of it under its new id.
    private void MoveKnown(EntityTable table, List<(EntityKey Old, EntityKey New)> known)
    {
        session.Offers.Move(table.Number, known);
        var moved = known.Select(k => (k.New, Entry: table.ReadEntry(session.Db, k.Old, session.Remote), Base: table.ReadBase(session.Db, k.Old, session.Remote))).ToArray();
        foreach (var (old, _) in known)
        {
            table.DropEntry(session.Db, old, session.Remote);
            table.DropBase(session.Db, old, session.Remote);
            session.Tombstones.Drop(table.Number, old);
        }

        foreach (var (key, entry, @base) in moved)
        {
            if (entry is not null)
            {
                table.SetEntry(session.Db, key, session.Remote, entry.Version, entry.Digest, entry.MadeBy);
            }

            if (@base is not null)
            {
                table.SetBase(session.Db, key, session.Remote, EntityTable.Under(@base, key));
                session.Outbox.Touch(table, key, "M", environment.NowMs);
            }
        }
    }
}
