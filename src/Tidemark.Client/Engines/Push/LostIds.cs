using System.Text.Json;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>
/// After a restore the server may give ids once more that it gave in commits it has lost. What is sent of rows from those commits says so: by which id they
/// are mentioned, and where each began.
/// </summary>
internal sealed class LostIds(StoreSession session, long common)
{
    /// <summary>Null once everything that mentions such ids has its verdict: by then rows have the ids they keep.</summary>
    public static LostIds? WhileAnyWait(StoreSession session)
    {
        if (session.Remotes.Read().Common is not { } common)
        {
            return null;
        }

        if (session.Outbox.HasLost())
        {
            return new LostIds(session, common);
        }

        session.Remotes.SetCommon(null);
        return null;
    }

    /// <summary>The part of the envelope that belongs to these commands; null when none mentions a lost id.</summary>
    public static Dictionary<string, Dictionary<string, Dictionary<string, long>>>? OfBatch(IReadOnlyList<StoredCommand> batch)
    {
        Dictionary<string, Dictionary<string, Dictionary<string, long>>>? lost = null;
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
        var ids = new Dictionary<string, Dictionary<string, long>>(StringComparer.Ordinal);
        if (table.Type.Identity == IdentityModel.ServerAssigned && BeganOf(table, key) is > 0 and var began)
        {
            Put(ids, table.Type, key, began); // Also from before: made anew, it begins where it began.
        }

        Mention(ids, table.Type, key);
        Mention(ids, row);
        return Text(ids);
    }

    /// <summary>Null when the command mentions no lost id.</summary>
    public string? Of(PushCommand wire) => Collect(wire, null) is { Count: > 0 } ids ? Text(ids) : null;

    private Dictionary<string, Dictionary<string, long>> Collect(PushCommand wire, string? before)
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

    private void Mention(Dictionary<string, Dictionary<string, long>> ids, EntityType type, EntityKey key)
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

    private void Mention(Dictionary<string, Dictionary<string, long>> ids, Row? row)
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

    private void Mention(Dictionary<string, Dictionary<string, long>> ids, EntityType target, Value id)
    {
        var key = new EntityKey([id]);
        if (BeganOf(session.Table(target), key) is var began && began > common)
        {
            Put(ids, target, key, began);
        }
    }

    private long BeganOf(EntityTable table, EntityKey key) =>
        table.ReadEntry(session.Db, key, session.Remote)?.Began ?? session.Tombstones.BeganOf(table.Number, key);

    // What was noted first is what the frozen bytes mean.
    private static void Put(Dictionary<string, Dictionary<string, long>> ids, EntityType type, EntityKey key, long began)
    {
        if (!ids.TryGetValue(type.Name, out var of))
        {
            ids[type.Name] = of = new(StringComparer.Ordinal);
        }

        of.TryAdd(key.ToString(), began);
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

    private static string Text(Dictionary<string, Dictionary<string, long>> ids) => JsonSerializer.Serialize(ids, WireJson.Default.LostIds);
}
