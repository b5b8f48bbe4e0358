using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Samples.Wellbeing;

/// <summary>Of a public product, what everybody sees is the server's and what is the user's own is the user's. A private product is all the user's: its policies decide.</summary>
internal static class ProductMerge
{
    private static readonly string[] Private = ["rating", "private_note"];

    public static CustomMergeResult Merge(CustomMergeInput input)
    {
        if (input.Remote["is_public"] != Value.Integer(1))
        {
            return CustomMergeResult.Of(input.ByPolicies().Merged);
        }

        var merged = input.Remote;
        foreach (var field in Private)
        {
            merged = merged.With(field, input.MineIfChanged(field));
        }

        return CustomMergeResult.Of(merged, "name", "calories", "is_public");
    }
}
