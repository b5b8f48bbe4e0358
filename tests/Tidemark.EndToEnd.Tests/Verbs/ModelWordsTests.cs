using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Verbs;

/// <summary>What `model validate` and `model diff` say about who wins.</summary>
public sealed class ModelWordsTests
{
    [Fact]
    [Trait("req", "CON-05")]
    public async Task Model_diff_says_what_a_change_of_the_rules_means_for_pending_edits()
    {
        using var workspace = new Workspace();
        var old = await WriteAsync(workspace, "old.json", "UpdateWins", """{"name":"count","type":"Integer"},{"name":"state","type":"Text"},{"name":"tags","type":"Json"},{"name":"note","type":"Text"}""");
        var now = await WriteAsync(workspace, "new.json", "DeleteWins", """{"name":"count","type":"Integer","policy":"Counter"},{"name":"state","type":"Text","policy":"Monotonic","states":["draft","done"]},{"name":"tags","type":"Json","policy":"MergeArrays","arrayKey":"id"},{"name":"note","type":"Text","policy":"ServerWins"}""");

        var said = (await TidemarkCommand.RunAsync("model", "diff", old, now)).Expect(0).Output;
        string[] sentences =
        [
            "note: a row deleted on one side and changed on the other now goes; the lost edit is kept in its record. Pending edits of rows deleted elsewhere will be lost in this way.",
            "note.count: when both sides changed it, what both sides added counts (before: the edit that reaches the server last stands). Pending edits count as what they added since the base.",
            "note.state: when both sides changed it, the later of draft < done stands",
            "note.tags: when both sides changed it, items added and removed on both sides count, told apart by id",
            "note.note: when both sides changed it, the server's value stands (before: the edit that reaches the server last stands). Pending edits of it that meet another one are lost, and kept in the record.",
            "Edits that are pending when the new model comes are merged by the new rules",
        ];
        Assert.All(sentences, s => Assert.Contains(s, said, StringComparison.Ordinal));
        Assert.Equal(sentences.Length, (await TidemarkCommand.RunAsync("model", "diff", old, now, "--json")).Expect(0).Json().GetProperty("policies").GetArrayLength());

        // No rule changed: no word about pending edits.
        Assert.Equal("The models are equal.", (await TidemarkCommand.RunAsync("model", "diff", now, now)).Expect(0).Output.Trim());
    }

    [Fact]
    [Trait("req", "CON-09")]
    public async Task Model_validate_names_what_a_person_and_an_app_must_do_and_what_does_not_fit()
    {
        using var workspace = new Workspace();
        var model = await WriteAsync(workspace, "manual.json", "UpdateWins", """{"name":"mood","type":"Text","policy":"Manual"}""", """ "customMerge":"notes", """);
        var said = (await TidemarkCommand.RunAsync("model", "validate", model)).Expect(0).Output;
        Assert.Contains("note.mood: conflicts wait for a person; the row is not sent until then.", said, StringComparison.Ordinal);
        Assert.Contains("note: every app that syncs it must register the custom merge notes", said, StringComparison.Ordinal);

        var misfit = await WriteAsync(workspace, "misfit.json", "UpdateWins", """{"name":"mood","type":"Blob","policy":"Counter"}""");
        var refused = await TidemarkCommand.RunAsync("model", "validate", misfit);
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("The policy Counter does not fit the type Blob.", refused.Output + refused.Errors, StringComparison.Ordinal);
    }

    private static async Task<string> WriteAsync(Workspace workspace, string name, string deletions, string fields, string more = "")
    {
        var path = workspace.PathOf(name);
        await File.WriteAllTextAsync(path, $$"""{"version":1,"entities":[{"name":"note",{{more}}"key":["id"],"deletePolicy":"{{deletions}}","fields":[{"name":"id","type":"Uuid","nullable":false},{{fields}}]}]}""", TestContext.Current.CancellationToken);
        return path;
    }
}
