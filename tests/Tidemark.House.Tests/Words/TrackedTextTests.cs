using System.Text.RegularExpressions;
using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Words;

public sealed class TrackedTextTests
{
    // Pieced together so that this file does not find itself.
    private static readonly string[] Patterns =
    [
        @"(?<![\w.~-])/(wo" + @"rk|ro" + @"ot)/[\w.]",
        @"(?<![\w.~-])/ho" + @"me/\w",
        @"(?<![\w.~-])/Us" + @"ers/\w",
        @"[A-Z]:\\Us" + @"ers\\",
        @"https?://[\w.:-]*(nu" + @"get|npm" + @"js|pypi|artifactory|nexus|proxy)[\w.:/-]*",
    ];

    private static readonly string[] Binary = [".sqlite", ".db", ".png", ".ico", ".gz", ".zip", ".snk"];

    [Fact]
    public void Tracked_files_name_no_place_of_the_machine_they_were_written_on()
    {
        var timeout = TimeSpan.FromSeconds(10);
        var machine = Environment.MachineName;
        var patterns = machine.Length >= 6 && machine.Any(char.IsDigit) ? [.. Patterns, Regex.Escape(machine)] : Patterns;
        var any = new Regex(string.Join('|', patterns.Select(p => $"(?:{p})")), RegexOptions.None, timeout);
        Faults.None(
            from file in Checkout.Files
            where !Binary.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase)
            from line in File.ReadLines(Checkout.PathOf(file)).Select((text, index) => (Text: text, Number: index + 1))
            let match = any.Match(line.Text)
            where match.Success
            select $"{file}:{line.Number}: {match.Value}",
            "Paths and hosts of a machine have no place in the repository:");
    }
}
