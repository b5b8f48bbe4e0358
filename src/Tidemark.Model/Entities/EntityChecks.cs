namespace Tidemark.Model.Entities;

/// <summary>The faults of one entity type by itself; its relations are <see cref="RelationChecks"/>.</summary>
internal sealed class EntityChecks(EntityType type, List<ModelFault> faults)
{
    private readonly Field[] _fields = [.. (type.Fields ?? []).Where(f => f is not null)];

    public void Run()
    {
        Name(null, type.Name, "name");
        Name(null, type.TableName, "table");
        if (!Enum.IsDefined(type.Identity) || !Enum.IsDefined(type.DeletePolicy))
        {
            Add(null, "identity or deletePolicy is none of the known ones.");
        }

        if (_fields.Length == 0 || _fields.Length != type.Fields.Count)
        {
            Add(null, "fields must be a list of at least one field, without nulls.");
        }
        else if (_fields.Length > ModelValidator.FieldsMax)
        {
            Add(null, $"There are {_fields.Length} fields; at most {ModelValidator.FieldsMax} are allowed.");
        }

        NameChecks.Duplicates(faults, type.Name ?? "", "field", _fields.Select(f => (f.Name, f.Name)));
        NameChecks.Duplicates(faults, type.Name ?? "", "column", _fields.Select(f => (f.ColumnName, f.Name)).DistinctBy(n => n.Name, StringComparer.OrdinalIgnoreCase));
        foreach (var field in _fields)
        {
            FieldFaults(field);
        }

        KeyFaults();
        UniqueFaults();
        NaturalKeyFaults();
        SoftDeleteFaults();
        new PolicyChecks(type, _fields, Add).Run();
    }

    private void FieldFaults(Field field)
    {
        Name(field.Name, field.Name, "name");
        Name(field.Name, field.ColumnName, "column");
        if (string.Equals(field.Name, ModelValidator.SpaceColumn, StringComparison.OrdinalIgnoreCase))
        {
            Add(field.Name, "The server's tables tell spaces apart by a column of this name; give the field another name.");
        }

        if (!Enum.IsDefined(field.Type) || !Enum.IsDefined(field.Form) || !Enum.IsDefined(field.Collation) || !Enum.IsDefined(field.Policy))
        {
            Add(field.Name, "type, form, collation or policy is none of the known ones.");
            return;
        }

        if (!Fits(field.Form, field.Type))
        {
            Add(field.Name, $"The form {field.Form} does not fit the type {field.Type}.");
        }

        if (field.Collation != Collation.Binary && field.Type is not (FieldType.Exact or FieldType.Text or FieldType.Uuid))
        {
            Add(field.Name, $"The collation {field.Collation} says nothing about the type {field.Type}.");
        }

        if (field.Encrypted && (field.ServerDerived || field.Clock is not null || field.Policy is not FieldPolicy.LastWriterWins))
        {
            Add(field.Name, "An encrypted field cannot be server-derived and has no policy: nobody but the devices can read it.");
        }
    }

    private void KeyFaults()
    {
        var key = type.Key ?? [];
        if (key.Count is 0 or > ModelValidator.KeyFieldsMax)
        {
            Add(null, $"The key has {key.Count} fields; 1 to {ModelValidator.KeyFieldsMax} are allowed.");
        }

        ListFaults(key, "key");
        foreach (var field in Known(key))
        {
            if (field.Nullable)
            {
                Add(field.Name, "A key field must not be nullable.");
            }

            if (field.Encrypted || field.ServerDerived)
            {
                Add(field.Name, "A key field must not be encrypted or server-derived: the device makes keys and the server finds rows by them.");
            }

            if (field.Type == FieldType.Json)
            {
                Add(field.Name, "JSON cannot be a key: one value has many spellings.");
            }
        }

        if (type.Identity == IdentityModel.ServerAssigned
            && (key.Count != 1 || Known(key).Any(f => f.Type is not (FieldType.Integer or FieldType.Exact or FieldType.Uuid))))
        {
            Add(null, "Only a single key of type Integer, Exact or Uuid can be server-assigned.");
        }
    }

    private void UniqueFaults()
    {
        foreach (var unique in type.UniqueKeys)
        {
            if (unique?.Fields is not { Count: > 0 } fields || !Enum.IsDefined(unique.Rule))
            {
                Add(null, "A unique key needs fields and a known rule.");
                continue;
            }

            ListFaults(fields, "unique key");
            foreach (var field in Known(fields).Where(f => f.Encrypted))
            {
                Add(field.Name, "A field of a unique key must not be encrypted: the server could not compare it.");
            }
        }
    }

    private void NaturalKeyFaults()
    {
        foreach (var natural in type.NaturalKeys)
        {
            if (natural?.Fields is not { Count: > 0 } fields)
            {
                Add(null, "A natural key needs fields.");
                continue;
            }

            ListFaults(fields, "natural key");
            if (fields.Order(StringComparer.Ordinal).SequenceEqual((type.Key ?? []).Order(StringComparer.Ordinal), StringComparer.Ordinal))
            {
                Add(null, "A natural key of the key's own fields finds nothing: no two rows share them.");
            }

            foreach (var field in Known(fields))
            {
                if (field.Type == FieldType.Json)
                {
                    Add(field.Name, "JSON cannot be part of a natural key: one value has many spellings.");
                }

                if (field.Encrypted)
                {
                    Add(field.Name, "A field of a natural key must not be encrypted.");
                }
            }
        }
    }

    private void SoftDeleteFaults()
    {
        if (type.SoftDelete is not { } name)
        {
            return;
        }

        if (Find(name) is not { } field)
        {
            Add(name, "The soft-delete field does not exist.");
            return;
        }

        if (field is not ({ Type: FieldType.Timestamp, Nullable: true } or { Type: FieldType.Boolean }))
        {
            Add(name, "The soft-delete field must be a nullable Timestamp or a Boolean.");
        }

        if (field.ServerDerived || (type.Key ?? []).Contains(name, StringComparer.Ordinal))
        {
            Add(name, "The soft-delete field must be the app's to set: neither server-derived nor part of the key.");
        }
    }

    private void ListFaults(IReadOnlyList<string> names, string what)
    {
        foreach (var name in names.Where(n => Find(n) is null))
        {
            Add(name, $"The {what} names a field that does not exist.");
        }

        foreach (var twice in names.GroupBy(n => n, StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            Add(twice.Key, $"The {what} names the field twice.");
        }
    }

    private static bool Fits(StorageForm form, FieldType type) => form switch
    {
        StorageForm.Default => true,
        StorageForm.UuidUpper or StorageForm.UuidBlob => type == FieldType.Uuid,
        StorageForm.DecimalReal => type == FieldType.Decimal,
        _ => type == FieldType.Timestamp,
    };

    private IEnumerable<Field> Known(IReadOnlyList<string> names) => names.Select(Find).OfType<Field>();

    private Field? Find(string? name) => Array.Find(_fields, f => string.Equals(f.Name, name, StringComparison.Ordinal));

    private void Name(string? field, string? name, string what)
    {
        if (NameChecks.FaultOf(name, what) is { } fault)
        {
            Add(field, fault);
        }
    }

    private void Add(string? field, string message) => faults.Add(new ModelFault(type.Name, field, message));
}
