using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Samples.Wellbeing;

/// <summary>Small steps that the merges share.</summary>
internal static class Fields
{
    public static Row With(this Row row, string field, Value value) => row.With(row.Type.OrdinalOf(field), value);

    /// <summary>The later of two times in canonical form; NULL is before all.</summary>
    public static Value Later(Value a, Value b) => TimeOf(a) >= TimeOf(b) ? a : b;

    public static Value Earlier(Value a, Value b) => b.Kind != ValueKind.Text || (a.Kind == ValueKind.Text && TimeOf(a) <= TimeOf(b)) ? a : b;

    /// <summary>The edit made here when there is one, else what the server has.</summary>
    public static Value MineIfChanged(this CustomMergeInput input, string field) => input.IsChangedLocally(field) ? input.Local[field] : input.Remote[field];

    private static DateTimeOffset TimeOf(Value value) =>
        value.Kind == ValueKind.Text && DateTimeOffset.TryParse(value.AsText, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal, out var time) ? time : DateTimeOffset.MinValue;
}
