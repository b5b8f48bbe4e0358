using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>The arithmetic of <see cref="FieldPolicy.Counter"/>: exact for integers and decimals, NULL counts as 0.</summary>
public static class Counting
{
    /// <summary>A number and what was counted elsewhere: total + (to - from). Beyond 64 bits the greatest or least number stands.</summary>
    /// <returns>Absent: one of the values is no finite number of the field's type.</returns>
    public static Value Add(Field field, Value total, Value from, Value to)
    {
        ArgumentNullException.ThrowIfNull(field);
        return CounterStrategy.Sum(field, from, to, total) is { } sum ? sum.Value : Value.Absent;
    }

    /// <summary>Can it be counted on?</summary>
    public static bool IsNumber(Field field, Value value) => !Add(field, value, Value.Null, Value.Null).IsAbsent;
}
