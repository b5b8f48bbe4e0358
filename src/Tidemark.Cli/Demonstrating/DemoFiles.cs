using System.Diagnostics;
using Tidemark.Cli.Running;
using Tidemark.Sqlite;

namespace Tidemark.Cli.Demonstrating;

/// <summary>What the demo needs of the machine.</summary>
internal static class DemoFiles
{
    /// <summary>A consistent copy, also of a file that an app has open: SQLite does the reading.</summary>
    public static void Copy(string from, string to)
    {
        using var source = SqliteFile.Open(from, new OpenOptions { ReadOnly = true });
        using var target = SqliteFile.Open(to, new OpenOptions { CreateIfMissing = true, WriteAheadLog = false });
        source.BackupDatabase(target);
    }

    /// <summary>This program again, as a process of its own.</summary>
    public static Process StartSelf(IReadOnlyList<string> arguments, ServerLink link)
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("The path of this program is unknown.");
        var start = new ProcessStartInfo(program) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };

        // Started by `dotnet tidemark.dll`: the process is the host, and the program its first argument.
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(typeof(DemoFiles).Assembly.Location);
        }

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[SharedOptions.ServerVariable] = link.Server.ToString();
        start.Environment[SharedOptions.TokenVariable] = link.Token;
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
