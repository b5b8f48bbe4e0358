using Tidemark.Model.Entities;
using Tidemark.Model.Merging;

namespace Tidemark.Cli.Models;

/// <summary>What a change of the conflict configuration means, in words.</summary>
internal static class PolicyChanges
{
    /// <summary>One sentence for each change, and what it means for edits that are pending when it comes.</summary>
    public static IReadOnlyList<string> Between(SyncModel before, SyncModel after)
    {
        var words = new List<string>();
        foreach (var now in after.Entities)
        {
            if (before.Find(now.Name) is { } was && PolicyHash.Of(was) != PolicyHash.Of(now))
            {
                Types(was, now, words);
                foreach (var field in now.Fields)
                {
                    if (was.FindOrdinal(field.Name) is >= 0 and var ordinal)
                    {
                        Fields(now, was.Fields[ordinal], field, words);
                    }
                }
            }
        }

        if (words.Count > 0)
        {
            words.Add("Edits that are pending when the new model comes are merged by the new rules; what was merged before stays as it is. `tidemark conflicts replay DB --model NEW` shows what the recorded conflicts would have come to. Devices with the old model go on merging by the old rules until they have the new one: the server's row is every device's in the end.");
        }

        return words;
    }

    private static void Types(EntityType was, EntityType now, List<string> words)
    {
        if (was.DeletePolicy != now.DeletePolicy)
        {
            words.Add(now.DeletePolicy == DeletePolicy.DeleteWins
                ? $"{now.Name}: a row deleted on one side and changed on the other now goes; the lost edit is kept in its record. Pending edits of rows deleted elsewhere will be lost in this way."
                : $"{now.Name}: a row deleted on one side and changed on the other now comes back.");
        }

        if (was.ConflictFree != now.ConflictFree)
        {
            words.Add(now.ConflictFree
                ? $"{now.Name}: rows are never merged any more; where both sides changed a field, the server's value stands, pending edits included."
                : $"{now.Name}: rows are merged by their policies from now on.");
        }

        if (was.CustomMerge != now.CustomMerge)
        {
            words.Add(now.CustomMerge is { } name
                ? $"{now.Name}: rows are merged by the custom merge {name}. Every app that syncs them must register it before it gets this model, else it does not start."
                : $"{now.Name}: rows are merged by their fields' policies, no longer by the custom merge {was.CustomMerge}.");
        }
    }

    private static void Fields(EntityType type, Field was, Field now, List<string> words)
    {
        if (was.ServerDerived != now.ServerDerived)
        {
            words.Add(now.ServerDerived
                ? $"{type.Name}.{now.Name}: only the server writes it from now on; pending edits of it are not sent."
                : $"{type.Name}.{now.Name}: devices may write it from now on.");
        }

        var states = string.Join(" < ", now.States ?? []);
        if (!now.ServerDerived && (was.Policy != now.Policy || was.ArrayKey != now.ArrayKey || was.Clock != now.Clock || string.Join(" < ", was.States ?? []) != states))
        {
            words.Add($"{type.Name}.{now.Name}: when both sides changed it, {Meaning(now, states)} (before: {Meaning(was, string.Join(" < ", was.States ?? []))}).{Pending(now)}");
        }
    }

    private static string Meaning(Field field, string states) => field.Policy switch
    {
        FieldPolicy.LastWriterWins => field.Clock is null ? "the edit that reaches the server last stands" : $"the edit with the later {field.Clock} stands",
        FieldPolicy.LocalWins => "the pending edit stands",
        FieldPolicy.ServerWins => "the server's value stands",
        FieldPolicy.MergeArrays => field.ArrayKey is null ? "items added and removed on both sides count" : $"items added and removed on both sides count, told apart by {field.ArrayKey}",
        FieldPolicy.MergeObject => "each member goes by who changed it",
        FieldPolicy.Monotonic => states.Length > 0 ? $"the later of {states} stands" : "the greater value stands",
        FieldPolicy.Counter => "what both sides added counts",
        FieldPolicy.Text => "lines and words of both sides stand",
        _ => "a person decides",
    };

    private static string Pending(Field now) => now.Policy switch
    {
        FieldPolicy.ServerWins => " Pending edits of it that meet another one are lost, and kept in the record.",
        FieldPolicy.Monotonic => " Pending edits that would take it back are undone.",
        FieldPolicy.Counter => " Pending edits count as what they added since the base.",
        FieldPolicy.Manual => " Pending edits that meet another one wait for a person.",
        _ => "",
    };
}
