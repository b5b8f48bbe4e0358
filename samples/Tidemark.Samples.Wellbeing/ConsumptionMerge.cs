using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Samples.Wellbeing;

/// <summary>The same meal noted twice is one meal: equal idempotency keys say so, and nothing is added up. Under one id, two keys are two meals: a person decides.</summary>
internal static class ConsumptionMerge
{
    public static CustomMergeResult Merge(CustomMergeInput input)
    {
        if (input.Local["idempotency_key"] != input.Remote["idempotency_key"])
        {
            return CustomMergeResult.Manual("Two different meals have one id.");
        }

        if (input.Base is { } @base && @base["idempotency_key"] == input.Remote["idempotency_key"])
        {
            return CustomMergeResult.Of(input.ByPolicies().Merged); // Known to both: edits of one meal.
        }

        // Made twice: the first to arrive is the meal, and what it left open is filled in.
        var merged = input.Remote;
        foreach (var field in input.Type.Fields)
        {
            merged = merged[field.Name].IsNull || merged[field.Name].IsAbsent ? merged.With(field.Name, input.Local[field.Name]) : merged;
        }

        return CustomMergeResult.Of(merged, "grams", "eaten_at", "product_id");
    }
}
