using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Duplicates;

/// <summary>The values of a natural key, told apart by their digest so that a whole table fits into memory.</summary>
internal sealed class NaturalValues(EntityType type, IReadOnlyList<string> fields)
{
    private readonly int[] _ordinals = type.OrdinalsOf(fields);

    public IReadOnlyList<string> Fields => fields;

    public IReadOnlyList<Value> Of(Row row) => [.. _ordinals.Select(o => row[o])];

    /// <summary>Null when one of them is null.</summary>
    public UInt128? DigestOf(Row row)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> number = stackalloc byte[9];
        foreach (var ordinal in _ordinals)
        {
            var value = UniqueValue.Folded(type.Fields[ordinal], row[ordinal]);
            if (value.IsNull || value.IsAbsent)
            {
                return null;
            }

            var bytes = value.Kind switch
            {
                ValueKind.Text => Encoding.UTF8.GetBytes(value.AsText),
                ValueKind.Blob => value.AsBlob,
                _ => [],
            };
            number[0] = (byte)value.Kind;
            BinaryPrimitives.WriteInt64LittleEndian(number[1..], value.Kind switch
            {
                ValueKind.Integer => value.AsInteger,
                ValueKind.Real => BitConverter.DoubleToInt64Bits(value.AsReal),
                _ => bytes.Length,
            });
            hash.AppendData(number);
            hash.AppendData(bytes);
        }

        return BinaryPrimitives.ReadUInt128LittleEndian(hash.GetHashAndReset());
    }

    /// <summary>Visible rows of a table, one by one; a row that does not fit its fields is nobody's duplicate.</summary>
    public static void Scan(StoreSession session, EntityTable table, Action<Row> see)
    {
        var statement = session.Db.Prepare($"SELECT {table.ColumnList} FROM {table.Name}");
        try
        {
            while (statement.Step())
            {
                try
                {
                    if (table.RowAt(statement, 0) is var row && !Engines.LiveRows.IsSoftlyDeleted(row))
                    {
                        see(row);
                    }
                }
                catch (UnfitValueException)
                {
                    // Named when it is sent.
                }
            }
        }
        finally
        {
            statement.Reset();
        }
    }
}
