using System.Diagnostics;
using System.Globalization;

namespace Tidemark.Fuzzing.Engine;

/// <summary>Watches the process of one target and says what became of it.</summary>
public static class ParentRun
{
    private const string HeapBytesMax = "40000000"; // Hexadecimal: 1 GiB.
    private static readonly TimeSpan RunMax = TimeSpan.FromSeconds(20);

    /// <returns>1 when there is a finding.</returns>
    public static int Run(string target, Arguments options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var current = Path.GetTempFileName();
        try
        {
            using var child = Start(target, options, current);
            var lines = new List<string>();
            child.OutputDataReceived += (_, line) =>
            {
                if (line.Data is { } text)
                {
                    lock (lines)
                    {
                        lines.Add(text);
                    }
                }
            };
            child.BeginOutputReadLine();
            var hangs = !Watch(child, current);
            child.WaitForExit();
            return Report(target, current, lines, hangs, child.ExitCode);
        }
        finally
        {
            File.Delete(current);
        }
    }

    private static int Report(string target, string current, List<string> lines, bool hangs, int exitCode)
    {
        var findings = lines.Where(l => l.StartsWith("finding ", StringComparison.Ordinal)).ToList();
        var done = lines.FirstOrDefault(l => l.StartsWith("done ", StringComparison.Ordinal))?.Split(' ');
        if (done is null)
        {
            var what = hangs ? $"a run took longer than {RunMax.TotalSeconds} s" : $"the process ended with {exitCode}";
            findings.Add("finding " + Corpus.KeepFinding(target, new Finding(what, what + "\n" + string.Join('\n', lines), File.ReadAllBytes(current))) + " " + what);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target,-16} {done?[1] ?? "?",11} {done?[2] ?? "?",8} {done?[3] ?? "?",7} {findings.Count}"));
        findings.ForEach(f => Console.WriteLine("  " + f));
        return findings.Count == 0 ? 0 : 1;
    }

    private static Process Start(string target, Arguments options, string current)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(ParentRun).Assembly.Location);
        }

        foreach (var argument in new[] { "--child", "--only", target, "--seed", options.Seed.ToString(CultureInfo.InvariantCulture), "--seconds", options.Seconds.ToString(CultureInfo.InvariantCulture) })
        {
            start.ArgumentList.Add(argument);
        }

        if (options.Keep)
        {
            start.ArgumentList.Add("--keep");
        }

        start.Environment[ChildRun.CurrentVariable] = current;
        start.Environment["DOTNET_GCHeapHardLimit"] = HeapBytesMax;
        return Process.Start(start)!;
    }

    // Every run begins by writing its input: a file that does not change for long is a run that does not end.
    private static bool Watch(Process child, string current)
    {
        while (!child.WaitForExit(1000))
        {
            if (DateTime.UtcNow - File.GetLastWriteTimeUtc(current) > RunMax)
            {
                child.Kill(entireProcessTree: true);
                return false;
            }
        }

        return true;
    }
}
