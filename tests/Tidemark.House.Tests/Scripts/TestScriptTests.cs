using System.Diagnostics;
using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Scripts;

/// <summary>./test over a made-up checkout whose test programs are shell scripts.</summary>
public sealed class TestScriptTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("tidemark house ").FullName;

    public TestScriptTests()
    {
        Directory.CreateDirectory(Path.Combine(root, "eng"));
        File.Copy(Checkout.PathOf("test"), Path.Combine(root, "test"));
        File.Copy(Checkout.PathOf("global.json"), Path.Combine(root, "global.json"));
        File.WriteAllText(Path.Combine(root, "eng", "setup.sh"), Checkout.Read("eng/setup.sh") + "\ntidemark_build() { :; }\n");
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void All_green_adds_up_and_ends_with_0()
    {
        Program("One", "echo '   One.Tests  Total: 12, Errors: 0, Failed: 0, Skipped: 2, Not Run: 0, Time: 0.4s'");
        Program("Two", "echo '   Two.Tests  Total: 3, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 0.4s'");
        var (exitCode, lines) = Run();
        Assert.Equal("13 passed, 0 failed", lines[^1]);
        Assert.Equal(0, exitCode);
    }

    [Fact]
    public void Failures_and_errors_are_counted_and_shown_in_full()
    {
        Program("One", "echo 'what went wrong'; echo '   One.Tests  Total: 5, Errors: 1, Failed: 2, Skipped: 0, Not Run: 1, Time: 0.4s'; exit 1");
        var (exitCode, lines) = Run();
        Assert.Contains("what went wrong", lines);
        Assert.Equal("2 passed, 3 failed", lines[^1]);
        Assert.Equal(1, exitCode);
    }

    [Theory]
    [InlineData("kill -9 $$")]
    [InlineData("exit 0")]
    [InlineData("echo '   One.Tests  Total: 1, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 0.4s'; exit 134")]
    public void A_program_that_crashes_or_says_nothing_is_a_failure(string script)
    {
        Program("One", script);
        Program("Two", "echo '   Two.Tests  Total: 3, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 0.4s'");
        var (exitCode, lines) = Run();
        Assert.EndsWith(" passed, 1 failed", lines[^1], StringComparison.Ordinal);
        Assert.Equal(1, exitCode);
    }

    [Fact]
    public void A_program_that_was_not_built_is_a_failure()
    {
        Directory.CreateDirectory(Path.Combine(root, "tests", "One.Tests"));
        Assert.Equal("0 passed, 1 failed", Run().Lines[^1]);
    }

    [Fact]
    public void Quick_leaves_out_what_is_slow()
    {
        Program("One", "echo \"note: $*\"; echo '   One.Tests  Total: 1, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 0.4s'");
        Assert.Contains(Run("--quick").Lines, line => line.EndsWith("-trait- speed=slow", StringComparison.Ordinal));
        Assert.DoesNotContain(Run().Lines, line => line.Contains("speed=slow", StringComparison.Ordinal));
        Assert.Equal(2, Run("--fast").ExitCode);
    }

    [Fact]
    public void Quick_runs_nothing_a_second_time_on_PostgreSQL()
    {
        foreach (var name in new[] { "Tidemark.Server", "Tidemark.EndToEnd" })
        {
            Program(name, "echo '   Some.Tests  Total: 1, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 0.4s'");
        }

        Assert.Equal("2 passed, 0 failed", Run("--quick").Lines[^1]);
    }

    private void Program(string name, string script)
    {
        var folder = Directory.CreateDirectory(Path.Combine(root, "tests", name + ".Tests", "bin", "Release", "net10.0")).FullName;
        var file = Path.Combine(folder, name + ".Tests");
        File.WriteAllText(file, "#!/bin/bash\n" + script + "\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }
    }

    private (int ExitCode, string[] Lines) Run(params string[] arguments)
    {
        using var bash = Process.Start(new ProcessStartInfo("bash", [Path.Combine(root, "test"), .. arguments])
        {
            UseShellExecute = false,
            WorkingDirectory = "/",
            RedirectStandardOutput = true,
        })!;
        var output = bash.StandardOutput.ReadToEnd();
        bash.WaitForExit();
        return (bash.ExitCode, output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
