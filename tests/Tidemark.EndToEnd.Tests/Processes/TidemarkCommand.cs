using System.Runtime.InteropServices;

namespace Tidemark.EndToEnd.Tests.Processes;

/// <summary>The `tidemark` command as a real process.</summary>
internal static class TidemarkCommand
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(180);

    private static readonly string Executable = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "tidemark.exe" : "tidemark");

    // The variables of whoever runs the tests must not reach them; the host needs to find the runtime that runs us.
    private static readonly Dictionary<string, string?> Environment = new(StringComparer.Ordinal)
    {
        ["TIDEMARK_SERVER"] = null,
        ["TIDEMARK_TOKEN"] = null,
        ["NO_COLOR"] = "1",
        ["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../..")),
    };

    public static RunningProcess Start(params IEnumerable<string> arguments) => RunningProcess.Start(Executable, arguments, Environment);

    public static RunningProcess StartWith(IReadOnlyDictionary<string, string?> environment, params IEnumerable<string> arguments)
    {
        var all = new Dictionary<string, string?>(Environment, StringComparer.Ordinal);
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
}
