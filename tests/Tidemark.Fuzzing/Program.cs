using System.Globalization;
using Tidemark.Fuzzing;
using Tidemark.Fuzzing.Engine;

// Tidemark.Fuzzing [--seconds N] [--only TARGET[,TARGET]] [--seed N] [--keep] [--replay FILE]
// Each target runs in a process of its own: a crash, a stack overflow or a hang is a finding like any other.
Tidemark.Hosting.SystemSqlite.Use();
var options = Arguments.Parse(args);
if (options.Replay is { } file)
{
    using var target = Targets.All[options.Only[0]]();
    Console.WriteLine(target.Run(await File.ReadAllBytesAsync(file)));
    return 0;
}

if (options.Child)
{
    return ChildRun.Run(options);
}

var failed = 0;
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"target",-16} {"executions",11} {"seconds",8} {"shapes",7} findings"));
foreach (var name in options.Only.Count > 0 ? options.Only : [.. Targets.All.Keys])
{
    failed += ParentRun.Run(name, options);
}

return failed == 0 ? 0 : 1;
