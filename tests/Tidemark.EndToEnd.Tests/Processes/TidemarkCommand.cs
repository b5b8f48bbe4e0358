using System.Runtime.InteropServices;

namespace Tidemark.EndToEnd.Tests.Processes;

/// <summary>The `tidemark` command as a real process.</summary>
internal static class TidemarkCommand
{
    private const string DropPrivileges = "/usr/bin/setpriv";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(180);

    private static readonly string Executable = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "tidemark.exe" : "tidemark");

    // The variables of whoever runs the tests must not reach them; the host needs to find the runtime that runs us.
    public static readonly IReadOnlyDictionary<string, string?> Surroundings = new Dictionary<string, string?>(StringComparer.Ordinal)
    {
        ["TIDEMARK_SERVER"] = null,
        ["TIDEMARK_TOKEN"] = null,
        ["NO_COLOR"] = "1",
        ["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../..")),
    };

    public static RunningProcess Start(params IEnumerable<string> arguments) => RunningProcess.Start(Executable, arguments, Surroundings);

    public static RunningProcess StartWith(IReadOnlyDictionary<string, string?> environment, params IEnumerable<string> arguments)
    {
        var all = new Dictionary<string, string?>(Surroundings, StringComparer.Ordinal);
        foreach (var (name, value) in environment)
        {
            all[name] = value;
        }

        return RunningProcess.Start(Executable, arguments, all);
    }

    public static async Task<ProcessResult> RunAsync(params IEnumerable<string> arguments)
    {
        await using var process = Start(arguments);
        return await process.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    /// <summary>As a user for whom permissions count: root reads and writes everything.</summary>
    public static async Task<ProcessResult> RunUnprivilegedAsync(string folder, params IEnumerable<string> arguments)
    {
        if (OperatingSystem.IsWindows() || !System.Environment.IsPrivilegedProcess)
        {
            return await RunAsync(arguments);
        }

        Assert.SkipUnless(File.Exists(DropPrivileges), $"root may write everything, and {DropPrivileges} is not there");
        File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        await using var process = RunningProcess.Start(DropPrivileges, ["--reuid=65534", "--regid=65534", "--clear-groups", Executable, .. arguments], Surroundings);
        return await process.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }
}
