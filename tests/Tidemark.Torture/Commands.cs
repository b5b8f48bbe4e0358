using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace Tidemark.Torture;

/// <summary>What a process said and how it ended.</summary>
internal sealed record Ended(int ExitCode, string Output, string Errors)
{
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;
}

/// <summary>The `tidemark` command as real processes.</summary>
internal static class Commands
{
    private static readonly string Executable = Path.Combine(AppContext.BaseDirectory, "tidemark");

    /// <param name="arguments">Of the command.</param>
    /// <param name="before">A program that starts it, with its own arguments (strace, say).</param>
    public static Running Start(IEnumerable<string> arguments, params IReadOnlyList<string> before)
    {
        var start = new ProcessStartInfo(before.Count > 0 ? before[0] : Executable)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in before.Skip(1).Concat(before.Count > 0 ? [Executable] : []).Concat(arguments))
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["NO_COLOR"] = "1";
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment.Remove("TIDEMARK_SERVER");
        start.Environment.Remove("TIDEMARK_TOKEN");
        return new Running(Process.Start(start) ?? throw new TortureException("The command did not start."));
    }

    public static Ended Run(params IEnumerable<string> arguments)
    {
        using var running = Start(arguments);
        return running.Wait();
    }
}

/// <summary>A process under way; its output is read as it comes.</summary>
internal sealed class Running : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();

    public Running(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, e) => Take(_output, e.Data);
        process.ErrorDataReceived += (_, e) => Take(_errors, e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public bool HasExited => _process.HasExited;

    public bool WaitFor(TimeSpan time) => _process.WaitForExit(time);

    /// <summary>SIGKILL, to it and what it started; true when it was still running.</summary>
    public bool Kill()
    {
        var running = !_process.HasExited;
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            running = false;
        }

        _process.WaitForExit();
        return running;
    }

    /// <summary>SIGTERM.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public Ended Wait()
    {
        if (!_process.WaitForExit(Deadline))
        {
            Kill();
            throw new TortureException($"A process has not ended within {Deadline.TotalMinutes} minutes. It said: {_output}{_errors}");
        }

        _process.WaitForExit();
        lock (_output)
        {
            return new Ended(_process.ExitCode, _output.ToString(), _errors.ToString());
        }
    }

    /// <summary>Waits for a line on standard output; of a process that may be killed while it starts, for its end too.</summary>
    public string Line(string part, bool mayEnd = false)
    {
        for (var until = Stopwatch.GetTimestamp() + (30 * Stopwatch.Frequency); Stopwatch.GetTimestamp() < until && !_process.WaitForExit(10);)
        {
            lock (_output)
            {
                if (_output.ToString().Split('\n').FirstOrDefault(l => l.Contains(part, StringComparison.Ordinal)) is { } line)
                {
                    return line;
                }
            }
        }

        if (mayEnd && _process.HasExited)
        {
            return "";
        }

        throw new TortureException($"'{part}' was not said. It said: {_output}{_errors}");
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        _process.Dispose();
    }

    private void Take(StringBuilder to, string? line)
    {
        if (line is not null)
        {
            lock (_output)
            {
                to.Append(line).Append('\n');
            }
        }
    }
}

/// <summary>A promise was broken, or the torture itself went wrong; the text says which.</summary>
internal sealed class TortureException(string message) : Exception(message);
