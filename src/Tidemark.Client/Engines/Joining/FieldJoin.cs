#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using System.Text;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Joining;

/// <summary>How the states of a field become one. Commutative, associative and idempotent for every rule here; what can only be decided between rows is <see cref="Judgement"/>'s.</summary>
internal static class FieldJoin
{
    /// <summary>Do the edits of several writers count together? Not of encrypted fields: what is told of the edits would be readable.</summary>
    public static bool IsCollective(Field field) => field is { Encrypted: false, Policy: FieldPolicy.Counter or FieldPolicy.MergeArrays or FieldPolicy.MergeObject };

    public static StampedValue Join(EntityType type, int ordinal, in StampedValue a, in StampedValue b)
    {
        if (!a.IsKnown || !b.IsKnown || a == b)
        {
            return a.IsKnown ? a : b;
        }

        var field = type.Fields[ordinal];
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.CountedByLastWriter) && field.Policy == FieldPolicy.Counter)
        {
            return Compare(type, ordinal, b, a) > 0 ? b : a;
        }
#endif
        return !IsCollective(field) ? (Compare(type, ordinal, b, a) > 0 ? b : a)
            : field.Policy == FieldPolicy.Counter ? CounterParts.Of(field, a).Join(CounterParts.Of(field, b)).ToValue()
            : ItemParts.Of(field, a).Join(ItemParts.Of(field, b)).ToValue();
    }

    /// <summary>Of the deletion of a row: the later says whether it is there; what writers of deletions had seen stays known.</summary>
    public static StampedValue JoinDeletion(in StampedValue a, in StampedValue b) =>
        (Compare(null, -1, b, a) > 0 ? b : a) with { Parts = Union(a.Parts, b.Parts) };

    /// <summary>Both sets of words; null: none.</summary>
    public static string? Union(string? a, string? b) =>
        a is null || b is null || a == b ? a ?? b : string.Join(' ', a.Split(' ').Concat(b.Split(' ')).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));

    /// <summary>The field after an edit.</summary>
    /// <param name="type">The type.</param>
    /// <param name="ordinal">The field.</param>
    /// <param name="former">What is known of it.</param>
    /// <param name="shown">What the writer saw; absent: nothing.</param>
    /// <param name="live">The row as it was written.</param>
    /// <param name="stamp">Of the edit.</param>
    /// <param name="node">Who counted; only of counters.</param>
    public static StampedValue Written(EntityType type, int ordinal, in StampedValue former, Value shown, Row live, Stamp stamp, ulong node)
    {
        var field = type.Fields[ordinal];
        if (IsCollective(field))
        {
            return field.Policy == FieldPolicy.Counter
                ? CounterParts.Of(field, former).Written(shown, live[ordinal], stamp, node)
                : ItemParts.Of(field, former).Written(shown, live[ordinal], stamp);
        }

        var written = new StampedValue(live[ordinal], stamp, former.Stamp) { Parts = ClockOf(type, field, live) };
        return Compare(type, ordinal, written, former) > 0 ? written : former; // What may not go back stays.
    }

    /// <summary>A value with a clock of its own says by it when it was written; null: it has none.</summary>
    public static string? ClockOf(EntityType type, Field field, Row row) =>
        ClockOrdinal(type, field) is >= 0 and var clock && !row[clock].IsAbsent ? TextOf(type.Fields[clock], row[clock]) : null;

    /// <summary>
    /// A total order of what may stand in a field: absent, then by stamp, then by a hash of the value, so that nobody's machine or remote decides.
    /// Monotonic fields go by their value first, fields with a clock by that.
    /// </summary>
    public static int Compare(EntityType? type, int ordinal, in StampedValue a, in StampedValue b)
    {
        if (!a.IsKnown || !b.IsKnown)
        {
            return a.IsKnown.CompareTo(b.IsKnown);
        }

        var field = type?.Fields[ordinal];
        if (field is not null && ValueOrder.CompareMonotonic(field, a.Value, b.Value) is not 0 and var byValue)
        {
            return byValue;
        }

        if (field is not null && ClockOrdinal(type!, field) is >= 0 and var clock && ByClock(type!.Fields[clock], a.Parts, b.Parts) is not 0 and var byClock)
        {
            return byClock;
        }

        var order = a.Stamp.CompareTo(b.Stamp);
        order = order != 0 || a.Value == b.Value ? order : JoinedRow.HashOf(field, a.Value).AsSpan().SequenceCompareTo(JoinedRow.HashOf(field, b.Value));
        return order != 0 ? order : string.CompareOrdinal(a.Parts, b.Parts);
    }

    public static string TextOf(Field field, Value value)
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteValue(field, value);
        return Encoding.UTF8.GetString(writer.Written);
    }

    /// <exception cref="FormatException">It is no value of the field.</exception>
    public static Value ValueOf(Field field, string text)
    {
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text));
            reader.Read();
            return WireRow.ReadValue(field, ref reader);
        }
        catch (Exception e) when (e is JsonException or WireFormatException)
        {
            throw new FormatException(e.Message, e);
        }
    }

    private static int ClockOrdinal(EntityType type, Field field) => field is { Clock: { } clock, Policy: FieldPolicy.LastWriterWins } ? type.FindOrdinal(clock) : -1;

    private static int ByClock(Field clock, string? a, string? b) =>
        a is null || b is null ? (a is null ? 0 : 1) - (b is null ? 0 : 1) : ValueOrder.CompareMonotonic(clock, ValueOf(clock, a), ValueOf(clock, b));
}
