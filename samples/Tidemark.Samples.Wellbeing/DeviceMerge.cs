using Tidemark.Model.Merging;

namespace Tidemark.Samples.Wellbeing;

/// <summary>When a device was last seen, and what its battery was then, changes all the time: the later sighting stands, and that is never a conflict.</summary>
internal static class DeviceMerge
{
    public static CustomMergeResult Merge(CustomMergeInput input)
    {
        var seen = Fields.Later(input.Remote["last_seen"], input.Local["last_seen"]);
        var merged = input.ByPolicies().Merged
            .With("last_seen", seen)
            .With("battery", seen == input.Remote["last_seen"] ? input.Remote["battery"] : input.Local["battery"]);
        return CustomMergeResult.Of(merged, "last_seen", "battery");
    }
}
