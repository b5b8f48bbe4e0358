using Tidemark.Client.Errors;
using Tidemark.Model.Entities;

namespace Tidemark.Client.Remotes.Several;

/// <summary>The types as remotes keep them: nothing is decided there, so there are no rules; encrypted fields are text; one field more holds the stamps.</summary>
public static class RemoteModel
{
    /// <summary>Text: a JSON object with stamp and digest of each field.</summary>
    public const string StampsField = "tm_stamps";

    /// <summary>The type of the wrapped keys: `id` and `wrapped`.</summary>
    public const string KeysType = "tm_keys";

    /// <exception cref="ModelException">The model cannot be synced with several remotes; every reason is listed.</exception>
    public static SyncModel Of(SyncModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (Faults(model) is { Count: > 0 } faults)
        {
            throw new ModelException(faults);
        }

        return new SyncModel { Version = model.Version, Entities = [.. model.Entities.Select(Of), Keys] };
    }

    /// <summary>All devices must agree on what is encrypted: what one of them writes plain, the remote can read, and the others cannot take it for what it is.</summary>
    /// <param name="registered">The types as the remote has them.</param>
    /// <param name="own">The types as this device has them.</param>
    /// <param name="registers">This device is about to register its own: a field that was plain there becomes an encrypted one, never the other way.</param>
    /// <exception cref="SyncException">They do not agree. Nothing was sent.</exception>
    internal static void CheckEncryption(SyncModel registered, SyncModel own, bool registers)
    {
        foreach (var type in own.Entities.Where(t => registered.Find(t.Name) is not null))
        {
            var known = registered.Get(type.Name);
            foreach (var field in type.Fields.Where(f => known.FindOrdinal(f.Name) is >= 0 and var i && known.Fields[i].Encrypted != f.Encrypted && !(registers && f.Encrypted)))
            {
                throw new SyncException(
                    SyncErrorCode.ModelMismatch,
                    field.Encrypted
                        ? $"{type.Name}.{field.Name} is encrypted on this device, and other devices have it plain there by a newer model. Nothing was sent. Adopt their tables again with `--encrypt {type.Name}.{field.Name}`, or another remote for this file."
                        : $"{type.Name}.{field.Name} is encrypted by the other devices, and this one's model has it plain: what is written here would be readable there. Nothing was sent. Adopt the tables again with `--encrypt {type.Name}.{field.Name}`.");
            }
        }
    }

    /// <summary>The type of the wrapped keys as devices hold it; no table has its rows.</summary>
    internal static EntityType LocalKeys { get; } = new()
    {
        Name = KeysType,
        Fields = [new Field { Name = "id", Type = FieldType.Text, Nullable = false }, new Field { Name = "wrapped", Type = FieldType.Text }],
        Key = ["id"],
    };

    private static EntityType Keys { get; } = Of(LocalKeys);

    private static EntityType Of(EntityType type) => new()
    {
        Name = type.Name,
        Fields =
        [
            .. type.Fields.Select((f, i) => new Field { Name = f.Name, Type = f.Encrypted ? FieldType.Text : f.Type, Encrypted = f.Encrypted, Collation = type.IsKey(i) ? f.Collation : Collation.Binary, Nullable = !type.IsKey(i) }),
            new Field { Name = StampsField, Type = FieldType.Text },
        ],
        Key = type.Key,
    };

    private static List<ModelFault> Faults(SyncModel model)
    {
        var faults = new List<ModelFault>();
        foreach (var type in model.Entities)
        {
            if (type.Identity == IdentityModel.ServerAssigned)
            {
                faults.Add(new ModelFault(type.Name, null, "Ids given by a server cannot be synced with several: two servers would give one id twice. Make keys on the device (UUIDs)."));
            }

            if (type.Space is not null || type.Catalog is not null)
            {
                faults.Add(new ModelFault(type.Name, null, "Shared spaces and catalogs are synced with one server only."));
            }

            if (type.Name == KeysType || type.FindOrdinal(StampsField) >= 0)
            {
                faults.Add(new ModelFault(type.Name, null, $"{KeysType} and {StampsField} are Tidemark's own names."));
            }
        }

        return faults;
    }
}
