using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.BadInput;

/// <summary>Files as a user meets them: the message names the file and the cure, and nothing is changed.</summary>
public sealed class BadFileTests
{
    public static TheoryData<string> LocalVerbs => ["adopt", "status", "history", "outbox", "cursors", "doctor", "sync"];

    [Theory]
    [MemberData(nameof(LocalVerbs))]
    [Trait("req", "STO-15")]
    public async Task A_file_that_is_no_database_is_refused_and_left_alone(string verb)
    {
        using var workspace = new Workspace();
        var path = workspace.PathOf("letter.db");
        var text = string.Concat(Enumerable.Repeat("Dear reader, this is not a database. ", 100));
        await File.WriteAllTextAsync(path, text, TestContext.Current.CancellationToken);
        var result = (await RunAsync(verb, path)).Expect(1);
        Assert.Contains("letter.db", result.Errors, StringComparison.Ordinal);
        Assert.Contains("not a", result.Errors, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
        Assert.Equal(text, await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
    }

    [Theory]
    [MemberData(nameof(LocalVerbs))]
    [Trait("req", "STO-15")]
    public async Task A_file_that_is_not_there_is_named_and_not_made(string verb)
    {
        using var workspace = new Workspace();
        var result = (await RunAsync(verb, workspace.PathOf("gone.db"))).Expect(1);
        Assert.Contains("gone.db", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(workspace.PathOf("gone.db")));
    }

    [Fact]
    [Trait("req", "STO-15")]
    public async Task A_database_that_was_never_adopted_says_how_to()
    {
        using var workspace = new Workspace();
        await SqliteShell.RunAsync(workspace.PathOf("plain.db"), Notes.Schema);
        foreach (var verb in new[] { "status", "outbox", "sync" })
        {
            var result = (await RunAsync(verb, workspace.PathOf("plain.db"))).Expect(1);
            Assert.Contains("tidemark adopt", result.Errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("req", "STO-13")]
    public async Task A_file_from_a_newer_version_is_refused_with_that_reason()
    {
        using var workspace = new Workspace();
        var path = workspace.PathOf("future.db");
        await SqliteShell.RunAsync(path, Notes.Schema);
        (await TidemarkCommand.RunAsync("adopt", path)).Expect(0);
        await SqliteShell.RunAsync(path, "UPDATE _tm_meta SET value = 9999 WHERE key LIKE '%format%' OR key LIKE '%version%';");
        var result = (await RunAsync("status", path)).Expect(1);
        Assert.Contains("newer", result.Errors, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    [Trait("req", "STO-15")]
    public async Task A_read_only_file_is_named_as_such()
    {
        using var workspace = new Workspace();
        var path = workspace.PathOf("locked.db");
        await SqliteShell.RunAsync(path, Notes.Schema);
        File.SetAttributes(path, FileAttributes.ReadOnly);
        var result = (await TidemarkCommand.RunUnprivilegedAsync(workspace.Folder, "adopt", path)).Expect(1);
        Assert.Contains("locked.db", result.Errors, StringComparison.Ordinal);
        Assert.Contains("permission", result.Errors, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
        File.SetAttributes(path, FileAttributes.Normal);
        Assert.Equal(2, await SqliteShell.CountAsync(path, "SELECT count(*) FROM sqlite_master WHERE name IN ('folders', 'notes')"));
    }

    [Fact]
    [Trait("req", "STO-14")]
    public async Task A_table_that_adopt_does_not_know_is_named()
    {
        using var workspace = new Workspace();
        await SqliteShell.RunAsync(workspace.PathOf("notes.db"), Notes.Schema);
        var result = await TidemarkCommand.RunAsync("adopt", workspace.PathOf("notes.db"), "--include", "notes,nonsense");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("nonsense", result.Errors, StringComparison.Ordinal);
    }

    private static Task<ProcessResult> RunAsync(string verb, string path) => verb == "sync"
        ? TidemarkCommand.RunAsync("sync", path, "--server", "http://127.0.0.1:9", "--token", "x")
        : TidemarkCommand.RunAsync(verb, path);
}
