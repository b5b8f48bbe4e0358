using System.Text.Json;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>
/// After a restore the server may give ids once more that it gave in commits it has lost. What is sent until its verdicts are in says which rows it means:
/// the ids it mentions, each with the CREATE that made its row.
/// </summary>
internal sealed class LostIds(StoreSession session)
{
    /// <summary>Null once everything that mentions such ids has its verdict: by then rows have the ids they keep.</summary>
    public static LostIds? WhileAnyWait(StoreSession session)
    {
        if (!session.Remotes.Read().Lost)
        {
            return null;
        }

        if (session.Outbox.HasLost())
        {
            return new LostIds(session);
        }

        session.Remotes.SetLost(false);
        return null;
    }

    /// <summary>The part of the envelope that belongs to these commands; null when none mentions a lost id.</summary>
    public static Dictionary<string, Dictionary<string, Dictionary<string, Guid>>>? OfBatch(IReadOnlyList<StoredCommand> batch)
    {
        Dictionary<string, Dictionary<string, Dictionary<string, Guid>>>? lost = null;
        foreach (var command in batch)
        {
            if (command.Lost is { } text && JsonSerializer.Deserialize(text, WireJson.Default.LostIds) is { Count: > 0 } ids)
            {
                (lost ??= new(StringComparer.Ordinal))[command.Id.ToString("D")] = ids;
            }
        }

        return lost;
    }

    /// <summary>Notes it on every command that is frozen: its bytes stay as they are.</summary>
    public void MarkFrozen()
    {
        foreach (var command in session.Outbox.ReadAll())
        {
            if (session.FindTable(command.Type) is null)
            {
                continue;
            }

            using var document = JsonDocument.Parse(command.Payload);
            if (Read(document.RootElement) is { } wire)
            {
                session.Outbox.SetLost(command.Id, Text(Collect(wire, command.Lost)));
            }
        }
    }

    /// <summary>Never null: an offer waits for nothing but its verdict.</summary>
    public string OfOffer(EntityTable table, EntityKey key, Row? row)
    {
        var ids = new Dictionary<string, Dictionary<string, Guid>>(StringComparer.Ordinal);
        Mention(ids, table.Type, key);
        Mention(ids, row);
        return Text(ids);
    }

    /// <summary>Null when the command mentions no id that may be another row's.</summary>
    public string? Of(PushCommand wire) => Collect(wire, null) is { Count: > 0 } ids ? Text(ids) : null;

    private Dictionary<string, Dictionary<string, Guid>> Collect(PushCommand wire, string? before)
    {
        var ids = before is null ? null : JsonSerializer.Deserialize(before, WireJson.Default.LostIds);
        ids ??= new(StringComparer.Ordinal);
        Mention(ids, wire.Type, wire.EntityId);
        if (wire.NewEntityId is { } key)
        {
            Mention(ids, wire.Type, key);
        }

        Mention(ids, wire.Payload);
        return ids;
    }

    private void Mention(Dictionary<string, Dictionary<string, Guid>> ids, EntityType type, EntityKey key)
    {
        foreach (var (ordinal, target) in session.Model.Graph.IdsIn(type))
        {
            for (var part = 0; part < key.Count; part++)
            {
                if (type.KeyOrdinals[part] == ordinal)
                {
                    Mention(ids, target, key[part]);
                }
            }
        }
    }

    private void Mention(Dictionary<string, Dictionary<string, Guid>> ids, Row? row)
    {
        if (row is null)
        {
            return;
        }

        foreach (var (ordinal, target) in session.Model.Graph.IdsIn(row.Type))
        {
            if (!row[ordinal].IsAbsent && !row[ordinal].IsNull)
            {
                Mention(ids, target, row[ordinal]);
            }
        }
    }

    // What was noted first is what the frozen bytes mean.
    private void Mention(Dictionary<string, Dictionary<string, Guid>> ids, EntityType target, Value id)
    {
        var table = session.Table(target);
        var key = new EntityKey([id]);
        if ((table.ReadEntry(session.Db, key, session.Remote)?.MadeBy ?? session.Tombstones.MadeBy(table.Number, key)) is not { } madeBy)
        {
            return;
        }

        if (!ids.TryGetValue(target.Name, out var of))
        {
            ids[target.Name] = of = new(StringComparer.Ordinal);
        }

        of.TryAdd(key.ToString(), madeBy);
    }

    private PushCommand? Read(JsonElement command)
    {
        try
        {
            return PushCommand.Parse(session.Model, command);
        }
        catch (WireFormatException)
        {
            return null; // A dead letter that was never fit to be sent.
        }
    }

    private static string Text(Dictionary<string, Dictionary<string, Guid>> ids) => JsonSerializer.Serialize(ids, WireJson.Default.LostIds);
}
