using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>Text that both sides changed. NULL counts as empty.</summary>
internal static class TextStrategy
{
    public static FieldDecision Decide(in FieldConflict conflict)
    {
        if (TextOf(conflict.Local) is not { } local || TextOf(conflict.Remote) is not { } remote)
        {
            return FieldDecision.Fallback(conflict, "a value is no text");
        }

        var merged = TextMerge.Merge(TextOf(conflict.Base) ?? "", local, remote, out var overlaps);
        return FieldDecision.Of(
            conflict,
            merged.Length == 0 && (conflict.Local.IsNull || conflict.Remote.IsNull) ? Value.Null : Value.Text(merged),
            overlaps == 0 ? null : $"both changed the same text in {overlaps} {(overlaps == 1 ? "place" : "places")}; both stay, the server's first");
    }

    private static string? TextOf(Value value) => value.Kind switch
    {
        ValueKind.Absent or ValueKind.Null => "",
        ValueKind.Text => value.AsText,
        _ => null,
    };
}
