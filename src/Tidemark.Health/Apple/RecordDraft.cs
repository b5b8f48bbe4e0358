using Tidemark.Health.Importing;
using Tidemark.Model.Health;

namespace Tidemark.Health.Apple;

/// <summary>What all kinds of samples have; the kind decides the rest.</summary>
internal readonly struct RecordDraft(TypeName type, long startMs, long endMs, long? createdMs, OriginEntry origin, ContentParts parts, bool isNested)
{
    /// <summary>A sample without a number.</summary>
    public SampleDraft Category(CategoryName? category)
    {
        var kind = type.Kind == HealthKind.Quantity ? type.Known?.Kind ?? HealthKind.Category : type.Kind;
        return Make(kind == HealthKind.Quantity ? HealthKind.Category : kind, null, null, category?.Text, category?.Value ?? 0, isSwitchable: false);
    }

    public SampleDraft Quantity(double number, UnitName unit, Repairs repairs)
    {
        var (value, name, isSwitchable) = Normalise(number, unit, repairs);

        // What can come back in another unit is not part of the identity: the last digits would differ.
        return Make(HealthKind.Quantity, value, name, null, isSwitchable ? 0 : HealthIdentity.ValueOf(value), isSwitchable);
    }

    private (double Value, string Unit, bool IsSwitchable) Normalise(double number, UnitName unit, Repairs repairs)
    {
        if (unit.Unit is { } from)
        {
            if (type.Known?.Measure is { } target && type.Known.Unit is { } canonical)
            {
                if (from.Dimension == target.Dimension)
                {
                    return (from.To(target, number), canonical, target.IsSwitchable);
                }

                // A body mass index has the unit count in an export.
                if (from.Dimension == HealthDimension.Count)
                {
                    return (HealthUnit.Rounded(number), canonical, target.IsSwitchable);
                }

                repairs[Repair.UnknownUnit]++;
            }
            else if (HealthUnit.BaseOf(from.Dimension) is { } name && HealthUnit.Find(name) is { } to)
            {
                return (from.To(to, number), name, to.IsSwitchable);
            }
        }
        else
        {
            repairs[Repair.UnknownUnit]++;
        }

        return (HealthUnit.Rounded(number), unit.Spelling.Length == 0 ? "?" : unit.Spelling, false);
    }

    private SampleDraft Make(HealthKind kind, double? value, string? unit, string? category, long identityValue, bool isSwitchable) =>
        new(type.Name, startMs, endMs, createdMs, origin, parts, isNested, kind, value, unit, category, identityValue, isSwitchable);
}

/// <summary>A sample that has no identity yet.</summary>
internal readonly record struct SampleDraft(
    string Type, long StartMs, long EndMs, long? CreatedMs, OriginEntry Origin, ContentParts Parts, bool IsNested, HealthKind Kind, double? Value, string? Unit, string? Category, long IdentityValue, bool IsSwitchable)
{
    /// <summary>Its source names it.</summary>
    public bool IsNamed => Parts.SyncIdentifier is not null || Parts.ExternalId is not null;

    public IdentityFacts Facts => new(Origin.SeriesOf(Kind, Type, Unit), StartMs, EndMs, IdentityValue);

    public FoundSample Finish()
    {
        var facts = Facts;
        if (!IsNamed)
        {
            return Finish(HealthIdentity.Of(facts.Series, StartMs, EndMs, IdentityValue, 0), facts.Series);
        }

        var name = Parts.SyncIdentifier ?? $"{Parts.ExternalId}@{StartMs}";
        return Finish(HealthIdentity.OfName(facts.Series, Origin.Origin.Source, name), series: null);
    }

    public FoundSample Finish(Guid id, byte[]? series) => new(
        new HealthSample
        {
            Id = id,
            Version = Parts.SyncIdentifier is null ? 0 : Parts.SyncVersion,
            Kind = Kind,
            Type = Type,
            StartMs = StartMs,
            EndMs = EndMs,
            Value = Value,
            Unit = Unit,
            Category = Category,
            Zone = Parts.Zone,
            CreatedMs = CreatedMs,
            Origin = Origin.Origin,
            Extra = Parts.Extra,
        },
        IsNested)
    {
        Series = series,
        IdentityValue = IdentityValue,
        IsSwitchable = IsSwitchable,
    };
}
