using System.Globalization;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;

namespace Tidemark.Model.Values;

/// <summary>Times as the device stores them. All are UTC and keep 100 ns.</summary>
internal static class TimeForm
{
    private const string SpacedFormat = "yyyy-MM-dd HH:mm:ss.FFFFFFF";

    /// <exception cref="FormatException">The stored value is not a time of this form.</exception>
    public static Value ToCanonical(StorageForm form, Value stored)
    {
        var ticks = stored.Kind switch
        {
            ValueKind.Text => OfText(form, stored.AsText),
            ValueKind.Integer when UnitTicks(form) is var unit and > 0 => OfUnits(form, unit, stored.AsInteger),
            ValueKind.Real when UnitTicks(form) is var unit and > 0 => OfReal(form, unit, stored.AsReal),
            _ => throw new FormatException($"a time stored as {form} is wanted, the stored value is {stored.Kind}"),
        };
        return Value.Text(WireTime.ToText(new DateTimeOffset(ticks, TimeSpan.Zero)));
    }

    /// <summary>What a number of the form's unit cannot hold is stored as a real, and what a real cannot hold as text.</summary>
    public static Value ToStored(StorageForm form, string canonical)
    {
        var ticks = WireTime.Parse(canonical).UtcTicks;
        var unit = UnitTicks(form);
        if (unit == 0)
        {
            return form == StorageForm.TimeSpaced ? Value.Text(new DateTime(ticks).ToString(SpacedFormat, CultureInfo.InvariantCulture)) : Value.Text(canonical);
        }

        var (units, rest) = Math.DivRem(ticks - Origin(form), unit);
        if (rest == 0)
        {
            return Value.Integer(units);
        }

        var real = (double)((decimal)(ticks - Origin(form)) / unit);
        return TryTicks(form, unit, real) == ticks ? Value.Real(real) : Value.Text(canonical);
    }

    // Zero for the forms that are text.
    private static long UnitTicks(StorageForm form) => form switch
    {
        StorageForm.TimeUnixSeconds => TimeSpan.TicksPerSecond,
        StorageForm.TimeUnixMilliseconds => TimeSpan.TicksPerMillisecond,
        StorageForm.TimeTicks => 1,
        _ => 0,
    };

    private static long Origin(StorageForm form) => form == StorageForm.TimeTicks ? 0 : DateTime.UnixEpoch.Ticks;

    private static long OfUnits(StorageForm form, long unit, long units)
    {
        var ticks = ((Int128)units * unit) + Origin(form);
        return ticks >= 0 && ticks <= DateTime.MaxValue.Ticks
            ? (long)ticks
            : throw new FormatException($"{units.ToString(CultureInfo.InvariantCulture)} as {form} lies outside the years 1 to 9999");
    }

    private static long OfReal(StorageForm form, long unit, double units) =>
        TryTicks(form, unit, units) ?? throw new FormatException($"{units.ToString("R", CultureInfo.InvariantCulture)} as {form} is no time of 100 ns between the years 1 and 9999");

    // Null when the number is no whole count of 100 ns: rounding it would throw something away.
    private static long? TryTicks(StorageForm form, long unit, double units)
    {
        if (!decimal.TryParse(units.ToString("R", CultureInfo.InvariantCulture), NumberStyles.Float, CultureInfo.InvariantCulture, out var exact) || Math.Abs(exact) > long.MaxValue / 100)
        {
            return null;
        }

        var ticks = (exact * unit) + Origin(form);
        return ticks == decimal.Truncate(ticks) && ticks >= 0 && ticks <= DateTime.MaxValue.Ticks ? (long)ticks : null;
    }

    private static long OfText(StorageForm form, string text)
    {
        if (form == StorageForm.TimeSpaced)
        {
            return DateTime.TryParseExact(text, SpacedFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out var spaced)
                ? spaced.Ticks
                : throw new FormatException($"'{Shortened(text)}' is no time such as 2026-01-31 12:00:00");
        }

        if (!text.EndsWith('Z') && !text.EndsWith("+00:00", StringComparison.Ordinal))
        {
            throw new FormatException($"'{Shortened(text)}' is no time in UTC such as 2026-01-31T12:00:00Z; declare another form, or the field as text");
        }

        return WireTime.Parse(text).UtcTicks;
    }

    private static string Shortened(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
