using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.PostgreSql.Columns;

/// <summary>How values of a field stand in a column, and how they get there and back.</summary>
internal sealed class ColumnForm
{
    private readonly Field _field;
    private readonly string _parameter;
    private readonly NpgsqlDbType _sent;
    private readonly bool _isCast;

    public ColumnForm(Field field)
    {
        _field = field;
        Name = PgName.Column(field);
        (SqlType, _parameter, _sent, _isCast) = field.Type switch
        {
            FieldType.Integer => ("bigint", "bigint", NpgsqlDbType.Bigint, false),
            FieldType.Boolean => ("boolean", "boolean", NpgsqlDbType.Boolean, false),
            FieldType.Real => ("double precision", "double precision", NpgsqlDbType.Double, false),
            FieldType.Blob => ("bytea", "bytea", NpgsqlDbType.Bytea, false),
            FieldType.Uuid => ("uuid", "uuid", NpgsqlDbType.Uuid, false),
            FieldType.Decimal => ("numeric", "text", NpgsqlDbType.Text, true),
            FieldType.Json or FieldType.Exact => ("jsonb", "text", NpgsqlDbType.Text, true),
            _ => ("text", "text", NpgsqlDbType.Text, false),
        };
    }

    /// <summary>The column, quoted.</summary>
    public string Name { get; }

    public string SqlType { get; }

    public bool IsText => SqlType == "text";

    /// <summary>Column names and types of a new table; what cannot travel is refused at once, whoever writes it.</summary>
    public string Definition(bool isGone)
    {
        var collation = IsText ? " COLLATE \"C\"" : "";
        return $"{SqlType}{collation}{(_field.Nullable && !isGone ? "" : " NOT NULL")}";
    }

    /// <summary>A condition on the column; null when its type says it all.</summary>
    public string? Check => _field.Type switch
    {
        FieldType.Real => $"{Name} <> 'NaN'::double precision",
        FieldType.Decimal => $"{Name} NOT IN ('NaN'::numeric, 'Infinity'::numeric, '-Infinity'::numeric)",
        FieldType.Timestamp => $"{Name} ~ '^\\d{{4}}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{{0,6}}[1-9])?Z$'",
        FieldType.Exact or FieldType.Json => $"jsonb_typeof({Name}) <> 'null'",
        _ => null,
    };

    /// <summary>The value as a select gives it to <see cref="Read"/>.</summary>
    public string Selected(string expression) => _isCast ? expression + "::text" : expression;

    /// <summary>The expression by which values are compared, ordered and indexed.</summary>
    public string Folded(string schema, string expression) => _field.Collation switch
    {
        Collation.NoCase when IsText => $"lower({expression})",
        Collation.RTrim when IsText => $"rtrim({expression}, ' ')",
        Collation.NoCase when _field.Type == FieldType.Exact => $"{schema}._tm_nocase({expression})",
        Collation.RTrim when _field.Type == FieldType.Exact => $"{schema}._tm_rtrim({expression})",
        _ => expression,
    };

    public bool IsFolded => _field.Collation != Collation.Binary && (IsText || _field.Type == FieldType.Exact);

    /// <summary>The database orders values of the column as keys are ordered here.</summary>
    public bool IsRanged => !IsFolded && _field.Type is FieldType.Integer or FieldType.Text or FieldType.Uuid or FieldType.Timestamp;

    /// <summary>The element type of the array in which values are sent.</summary>
    public string ArrayType => _parameter + "[]";

    /// <summary>A sent value as one of the column's type.</summary>
    public string Received(string expression) => _isCast ? $"{expression}::{SqlType}" : IsText ? $"{expression} COLLATE \"C\"" : expression;

    public string ReceivedScalar(string parameter) => Received($"{parameter}::{_parameter}");

    /// <summary>COPY takes values of the column as they are sent here; a numeric would have to be taken apart.</summary>
    public bool IsCopied => _field.Type != FieldType.Decimal;

    public void WriteTo(PgWriter writer, Value value)
    {
        switch (value.Kind, _field.Type)
        {
            case (ValueKind.Null or ValueKind.Absent, _):
                writer.WriteNull();
                break;
            case (_, FieldType.Exact):
                writer.WriteJsonb(ExactJson.Write(value));
                break;
            case (_, FieldType.Json):
                writer.WriteJsonb(value.AsText);
                break;
            case (_, FieldType.Integer):
                writer.Write(value.AsInteger);
                break;
            case (_, FieldType.Boolean):
                writer.Write(value.AsInteger != 0);
                break;
            case (_, FieldType.Real):
                writer.Write(value.Kind == ValueKind.Integer ? value.AsInteger : value.AsReal);
                break;
            case (_, FieldType.Uuid):
                writer.Write(Guid.ParseExact(value.AsText, "D"));
                break;
            case (_, FieldType.Blob):
                writer.Write(value.AsBlob);
                break;
            default:
                writer.Write(value.AsText);
                break;
        }
    }

    public NpgsqlParameter Scalar(Value value) => new() { NpgsqlDbType = _sent, Value = Sent(value) ?? DBNull.Value };

    public NpgsqlParameter Many(int count, Func<int, Value> valueOf)
    {
        Array values = _field.Type switch
        {
            FieldType.Integer => Fill(new long?[count], i => valueOf(i) is { Kind: ValueKind.Integer } v ? v.AsInteger : null),
            FieldType.Boolean => Fill(new bool?[count], i => valueOf(i) is { Kind: ValueKind.Integer } v ? v.AsInteger != 0 : null),
            FieldType.Real => Fill(new double?[count], i => (double?)Sent(valueOf(i))),
            FieldType.Uuid => Fill(new Guid?[count], i => (Guid?)Sent(valueOf(i))),
            FieldType.Blob => Fill(new byte[]?[count], i => (byte[]?)Sent(valueOf(i))),
            _ => Fill(new string?[count], i => (string?)Sent(valueOf(i))),
        };
        return new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | _sent, Value = values };
    }

    public Value Read(NpgsqlDataReader reader, int column)
    {
        if (reader.IsDBNull(column))
        {
            return Value.Null;
        }

        return _field.Type switch
        {
            FieldType.Integer => Value.Integer(reader.GetInt64(column)),
            FieldType.Boolean => Value.Integer(reader.GetBoolean(column) ? 1 : 0),
            FieldType.Real => Value.Real(reader.GetDouble(column)),
            FieldType.Uuid => Value.Text(reader.GetGuid(column).ToString("D")),
            FieldType.Blob => Value.Blob(reader.GetFieldValue<byte[]>(column)),
            FieldType.Decimal => Value.Text(WireDecimal.Canonical(reader.GetString(column))),
            FieldType.Exact => ExactJson.Read(reader.GetString(column)),
            FieldType.Json => ReadJson(reader.GetString(column)),
            _ => Value.Text(reader.GetString(column)),
        };
    }

    /// <summary>The value from the column onto the wire; false when it has no wire form. Text of PostgreSQL is UTF-8 without NUL.</summary>
    public bool TryWrite(NpgsqlDataReader reader, int column, CanonicalJsonWriter json)
    {
        if (!IsText || reader.IsDBNull(column))
        {
            return WireRow.TryWriteValue(json, _field, Read(reader, column));
        }

        json.WriteUtf8String(reader.GetFieldValue<byte[]>(column));
        return true;
    }

    private object? Sent(Value value) => (value.Kind, _field.Type) switch
    {
        (ValueKind.Null or ValueKind.Absent, _) => null,
        (_, FieldType.Exact) => ExactJson.Write(value),
        (_, FieldType.Integer) => value.AsInteger,
        (_, FieldType.Boolean) => value.AsInteger != 0,
        (_, FieldType.Real) => value.Kind == ValueKind.Integer ? value.AsInteger : value.AsReal,
        (_, FieldType.Uuid) => Guid.ParseExact(value.AsText, "D"),
        (_, FieldType.Blob) => value.AsBlob,
        _ => value.AsText,
    };

    // jsonb keeps members in an order of its own. What cannot travel comes out as it is, and is withheld above.
    private static Value ReadJson(string text) =>
        StorageForms.TryToCanonical(JsonField, Value.Text(text), out var canonical, out _) ? canonical : Value.Text(text);

    private static Field JsonField { get; } = new() { Name = "json", Type = FieldType.Json };

    private static T[] Fill<T>(T[] values, Func<int, T> valueOf)
    {
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = valueOf(i);
        }

        return values;
    }
}
