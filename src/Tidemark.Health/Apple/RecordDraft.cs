using Tidemark.Health.Importing;
using Tidemark.Model.Health;

namespace Tidemark.Health.Apple;

/// <summary>What all kinds of samples have; the kind decides the rest.</summary>
internal readonly struct RecordDraft(TypeName type, long startMs, long endMs, long? createdMs, OriginEntry origin, ContentParts parts, bool isNested)
{
    /// <summary>A sample without a number.</summary>
    public FoundSample Category(string? name)
    {
        var value = name is null ? 0 : HealthIdentity.ValueOf(name);
        var kind = type.Kind == HealthKind.Quantity ? type.Known?.Kind ?? HealthKind.Category : type.Kind;
        return Make(kind == HealthKind.Quantity ? HealthKind.Category : kind, null, null, name, value, isSwitchable: false);
    }

    public FoundSample Quantity(double number, UnitName unit, Repairs repairs)
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

    private FoundSample Make(HealthKind kind, double? value, string? unit, string? category, long identityValue, bool isSwitchable)
    {
        var series = origin.SeriesOf(kind, type.Name, unit);
        var source = origin.Origin.Source;
        var name = parts.SyncIdentifier ?? (parts.ExternalId is { } external ? $"{external}@{startMs}" : null);
        return new FoundSample(
            new HealthSample
            {
                Id = name is null ? HealthIdentity.Of(series, startMs, endMs, identityValue, 0) : HealthIdentity.OfName(series, source, name),
                Version = parts.SyncIdentifier is null ? 0 : parts.SyncVersion,
                Kind = kind,
                Type = type.Name,
                StartMs = startMs,
                EndMs = endMs,
                Value = value,
                Unit = unit,
                Category = category,
                Zone = parts.Zone,
                CreatedMs = createdMs,
                Origin = origin.Origin,
                Extra = parts.Extra,
            },
            isNested)
        {
            Series = name is null ? series : null,
            IdentityValue = identityValue,
            IsSwitchable = isSwitchable,
        };
    }
}
