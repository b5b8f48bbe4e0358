using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>Reads what is known of one row: what cannot travel is part of the answer, with the reason.</summary>
internal static class RowStateReader
{
    public static RowState Read(StoreSession session, EntityTable table, EntityKey key, bool adopted)
    {
        for (var i = 0; i < key.Count; i++)
        {
            if (key[i].Kind is ValueKind.Null or ValueKind.MalformedText)
            {
                var field = table.Type.Fields[table.Type.KeyOrdinals[i]];
                return new RowState(table, key) { Fault = new UnfitValueException(table.Type, field, "is part of the key and is " + (key[i].IsNull ? "NULL; give the row a key." : "not valid UTF-8.")) };
            }
        }

        try
        {
            var live = LiveRows.Read(session, table, key);
            if (live.Exists && UnfitKeys.FieldOf(table.Type, key) is { } field)
            {
                throw new UnfitValueException(table.Type, field, $"is part of the key and is not stored as {field.Type} of form {field.Form}; write it so.");
            }

            if (live.Visible is { } visible && session.Owners?.FaultOf(table, visible) is { } elsewhere)
            {
                throw elsewhere;
            }

            var entry = table.ReadEntry(session.Db, key, session.Remote);
            return new RowState(table, key)
            {
                Live = live.Visible,
                Base = session.BaseOf(table, key, entry, live.Any),
                BaseVersion = entry?.Version ?? 0,
                TombstoneVersion = entry is null && session.HasTombstones ? session.Tombstones.VersionOf(table.Number, key) : 0,
                Adopted = adopted,
            };
        }
        catch (UnfitValueException e)
        {
            return new RowState(table, key) { Fault = e };
        }
    }
}
