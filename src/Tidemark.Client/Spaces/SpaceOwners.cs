using Tidemark.Client.Engines;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Spaces;

/// <summary>
/// Which space a row of this file is in: the one that has shown it, else the one its command is on its way to, else the one that the row itself says
/// (<see cref="EntityType.Space"/>), directly or by way of a row that it refers to. What says nothing is in the user's own space.
/// </summary>
internal sealed class SpaceOwners(StoreSession session)
{
    /// <summary>The row names a space that this file does not hold.</summary>
    public const int Nobody = 0;

    private const int StepsMax = 32;
    private Dictionary<string, HeldSpace> _held = new(StringComparer.Ordinal);
    private string _own = "";

    /// <summary>At the start of a transaction: another process may have joined or left a space.</summary>
    public void Refresh()
    {
        _held = HeldSpace.ReadAll(session.Db).Where(h => !h.IsGone).ToDictionary(h => h.Space, StringComparer.Ordinal);
        _own = "u:" + session.Db.Scalar("SELECT user FROM _tm_context WHERE id = (SELECT ctx FROM _tm_remote WHERE id = ?1)", Value.Integer(StoreSchema.HomeRemote)).AsText;
    }

    /// <summary>Has another space than this session's shown the row, or is it on its way to one?</summary>
    public bool IsOthers(EntityTable table, EntityKey key) => KnownOwner(table, key) is { } owner && owner != session.Remote;

    /// <summary>Is it a row of the type's catalog, which rows of all spaces may refer to?</summary>
    public bool IsPublic(EntityTable table, EntityKey key) =>
        table.Type.Catalog is { } catalog && KnownOwner(table, key) is { } owner && _held.TryGetValue(SpaceNames.CatalogPrefix + catalog, out var held) && held.Remote == owner;

    /// <summary>The remote of the space that a row is in, or <see cref="Nobody"/>.</summary>
    public int OwnerOf(EntityTable table, EntityKey key) => KnownOwner(table, key) ?? NamedOwner(table, ReadLive(table, key), 0);

    /// <summary>Why a row that waits to be sent to this session's space cannot be; null: it can.</summary>
    public UnfitValueException? FaultOf(EntityTable table, Row live)
    {
        var type = table.Type;
        if (type.Space is { } field && NamedOwner(table, live, 0) is var named && named != session.Remote)
        {
            var why = named == Nobody
                ? "names a space that is not there, or not yours; join it, or name another one."
                : "names another space than the one the row is in. A row does not change its space: delete it and make it anew, under another key.";
            return new UnfitValueException(type, type.Fields[type.OrdinalOf(field)], why);
        }

        foreach (var edge in session.Model.Graph.From(type).Where(e => e.TargetsKey))
        {
            if (Engines.Push.PushPlanner.KeyIn(live, edge) is { } target && session.Table(edge.Target) is var parent && parent.LiveExists(session.Db, target)
                && !IsPublic(parent, target) && OwnerOf(parent, target) != session.Remote)
            {
                return new UnfitValueException(type, type.Fields[edge.SourceOrdinals[0]], $"refers to {edge.Target.Name} {target}, which is in another space. Rows refer to rows of their own space.");
            }
        }

        return null;
    }

    private int? KnownOwner(EntityTable table, EntityKey key)
    {
        var statement = session.Db.Prepare($"SELECT remote FROM {table.RowTable} WHERE {table.MetaKeyMatch} LIMIT 1");
        table.BindKey(statement, key);
        int? owner = statement.Step() ? (int)statement.ColumnInt64(0) : null;
        statement.Reset();
        return owner ?? (session.Db.ScalarInt64(
            "SELECT remote FROM _tm_command WHERE type = ?1 AND key = ?2 AND status <> 'DEAD_LETTER' LIMIT 1", Value.Integer(table.Number), Value.Text(key.ToString())) is var sent and > 0 ? (int)sent : null);
    }

    private int NamedOwner(EntityTable table, Row? row, int steps)
    {
        if (row is null || table.Type.Space is not { } field || steps > StepsMax)
        {
            return StoreSchema.HomeRemote;
        }

        var value = row[field];
        if (value.IsNull || value.IsAbsent)
        {
            return StoreSchema.HomeRemote;
        }

        if (session.Model.Graph.From(table.Type).FirstOrDefault(e => e.TargetsKey && e.Relation.Fields is [var only] && string.Equals(only, field, StringComparison.Ordinal)) is { } edge)
        {
            var parent = session.Table(edge.Target);
            var key = new EntityKey([value]);
            return KnownOwner(parent, key) ?? NamedOwner(parent, ReadLive(parent, key), steps + 1);
        }

        return value.Kind != ValueKind.Text ? Nobody
            : string.Equals(value.AsText, _own, StringComparison.Ordinal) ? StoreSchema.HomeRemote
            : _held.TryGetValue(value.AsText, out var held) ? held.Remote : Nobody;
    }

    // A row that cannot be read is found out when it is sent.
    private Row? ReadLive(EntityTable table, EntityKey key)
    {
        try
        {
            return LiveRows.Read(session, table, key).Any;
        }
        catch (UnfitValueException)
        {
            return null;
        }
    }
}
