using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Samples.Wellbeing;

/// <summary>Tags are united, the object is merged to any depth, the text line by line: the policies do all that. The count of words is of the merged text, which no policy knows.</summary>
internal static class JournalEntryMerge
{
    private static readonly char[] Spaces = [' ', '\n', '\t', '\r'];

    public static CustomMergeResult Merge(CustomMergeInput input)
    {
        var merged = input.ByPolicies().Merged;
        var words = merged["body"] is { Kind: ValueKind.Text } body ? body.AsText.Split(Spaces, StringSplitOptions.RemoveEmptyEntries).Length : 0;
        return CustomMergeResult.Of(merged.With("words", Value.Integer(words)), "words");
    }
}
