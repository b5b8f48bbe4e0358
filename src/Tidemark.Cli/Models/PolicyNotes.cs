using Tidemark.Model.Entities;

namespace Tidemark.Cli.Models;

/// <summary>What a valid model asks of those who use it.</summary>
internal static class PolicyNotes
{
    public static IReadOnlyList<string> Of(SyncModel model)
    {
        var notes = new List<string>();
        foreach (var type in model.Entities)
        {
            if (type.CustomMerge is { } name)
            {
                notes.Add($"{type.Name}: every app that syncs it must register the custom merge {name}, and its server too where a unique key has the rule Merge.");
            }

            foreach (var field in type.Fields)
            {
                if (field.Policy == FieldPolicy.Manual)
                {
                    notes.Add($"{type.Name}.{field.Name}: conflicts wait for a person; the row is not sent until then.");
                }
                else if (field.Policy == FieldPolicy.Counter && type.Identity == IdentityModel.ClientAssigned && type.UniqueKeys.Any(u => u.Rule == UniqueRule.Merge))
                {
                    notes.Add($"{type.Name}.{field.Name}: where two devices make one row, both counts are added.");
                }
            }
        }

        return notes;
    }
}
