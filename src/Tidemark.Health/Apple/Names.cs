using Tidemark.Health.Apple.Xml;
using Tidemark.Model.Health;

namespace Tidemark.Health.Apple;

/// <summary>A record's type as the export spells it.</summary>
internal sealed record TypeName(string Name, HealthKind Kind, HealthType? Known);

/// <summary>A unit as the export spells it.</summary>
internal sealed record UnitName(string Spelling, HealthUnit? Unit);

/// <summary>A category's value, and its part of an identity.</summary>
internal sealed record CategoryName(string Text, long Value);

/// <summary>The names that an export repeats, without the platform's prefixes.</summary>
internal sealed class Names
{
    private const string CategoryValue = "HKCategoryValue";
    private static readonly (string Prefix, HealthKind Kind)[] Prefixes =
    [
        ("HKQuantityTypeIdentifier", HealthKind.Quantity),
        ("HKCategoryTypeIdentifier", HealthKind.Category),
        ("HKCorrelationTypeIdentifier", HealthKind.Correlation),
        ("HKDataTypeIdentifier", HealthKind.Quantity),
        ("HKDataType", HealthKind.Quantity),
        ("HKWorkoutActivityType", HealthKind.Workout),
        ("HKClinicalTypeIdentifier", HealthKind.ClinicalRecord),
    ];

    private readonly ByteKeys<TypeName> _types = new();
    private readonly ByteKeys<UnitName> _units = new();
    private readonly ByteKeys<CategoryName> _categories = new();

    public TypeName TypeOf(ReadOnlySpan<byte> raw)
    {
        if (_types.TryGet(raw, out var known))
        {
            return known;
        }

        var text = XmlText.Decode(raw, out _);
        var (prefix, kind) = Array.Find(Prefixes, p => text.StartsWith(p.Prefix, StringComparison.Ordinal));
        var name = prefix is null ? text : text[prefix.Length..];
        name = name.Length switch
        {
            0 => "Unknown",
            > HealthLimits.TypeLengthMax => name[..HealthLimits.TypeLengthMax],
            _ => name,
        };
        return _types.Add(raw, new TypeName(HealthTypes.Find(name)?.Name ?? name, kind, HealthTypes.Find(name)));
    }

    public UnitName UnitOf(ReadOnlySpan<byte> raw)
    {
        if (_units.TryGet(raw, out var known))
        {
            return known;
        }

        var text = XmlText.Decode(raw, out _).Trim();
        return _units.Add(raw, new UnitName(text.Length > HealthLimits.TextLengthMax ? text[..HealthLimits.TextLengthMax] : text, HealthUnit.Find(text)));
    }

    /// <summary>HKCategoryValueSleepAnalysisAsleepCore of SleepAnalysis is AsleepCore. Older exports say Asleep, newer ones AsleepUnspecified.</summary>
    public CategoryName CategoryOf(ReadOnlySpan<byte> raw, TypeName type)
    {
        if (_categories.TryGet(raw, out var known))
        {
            return known;
        }

        var text = XmlText.Decode(raw, out _);
        var name = text.StartsWith(CategoryValue, StringComparison.Ordinal) ? text[CategoryValue.Length..] : text;
        name = name.Length > type.Name.Length && name.StartsWith(type.Name, StringComparison.Ordinal) ? name[type.Name.Length..] : name;
        name = name.Length switch
        {
            0 => "Unknown",
            > HealthLimits.TextLengthMax => name[..HealthLimits.TextLengthMax],
            _ => name,
        };
        name = type.Name == "SleepAnalysis" && name == "Asleep" ? "AsleepUnspecified" : name;
        return _categories.Add(raw, new CategoryName(name, HealthIdentity.ValueOf(name)));
    }
}
