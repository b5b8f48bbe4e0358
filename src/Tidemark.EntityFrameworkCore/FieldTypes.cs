using Microsoft.EntityFrameworkCore.Metadata;
using Tidemark.Model.Entities;

namespace Tidemark.EntityFrameworkCore;

/// <summary>What a property holds on the wire, and how EF's SQLite provider stores it.</summary>
internal static class FieldTypes
{
    public static (FieldType Type, StorageForm Form) Of(IReadOnlyProperty property)
    {
        // A converter decides what is stored; what it stands for is the app's.
        var stored = property.GetValueConverter()?.ProviderClrType ?? property.GetProviderClrType() ?? property.ClrType;
        var type = Nullable.GetUnderlyingType(stored) ?? stored;
        if (type.IsEnum)
        {
            return (FieldType.Integer, StorageForm.Default);
        }

        if (type == typeof(Guid))
        {
            return (FieldType.Uuid, StorageForm.UuidUpper);
        }

        if (type == typeof(DateTime) || type == typeof(DateTimeOffset))
        {
            return (FieldType.Timestamp, StorageForm.TimeSpaced);
        }

        return (Type.GetTypeCode(type) switch
        {
            TypeCode.Boolean => FieldType.Boolean,
            TypeCode.SByte or TypeCode.Byte or TypeCode.Int16 or TypeCode.UInt16 or TypeCode.Int32 or TypeCode.UInt32 or TypeCode.Int64 => FieldType.Integer,
            TypeCode.Single or TypeCode.Double => FieldType.Real,
            TypeCode.Decimal => FieldType.Decimal,
            TypeCode.String or TypeCode.Char => FieldType.Text,
            _ when type == typeof(byte[]) => FieldType.Blob,
            _ => FieldType.Exact, // Taken as it is stored.
        }, StorageForm.Default);
    }
}
