using System.CommandLine;
using System.CommandLine.Invocation;
using Tidemark.Cli.Running;

namespace Tidemark.Cli.Output;

/// <summary>A command line that cannot be understood: what is wrong and where help is.</summary>
internal static class UsageReport
{
    public static int Write(ParseResult arguments)
    {
        var command = arguments.CommandResult.Command;
        if (command is RootCommand && arguments.Tokens.Count == 0)
        {
            arguments.RootCommandResult.Command.Parse(["--help"]).Invoke();
            return (int)ExitCode.Usage;
        }

        var output = new Out(arguments.GetValue(SharedOptions.Json), arguments.GetValue(SharedOptions.NoColor));
        var message = string.Join('\n', arguments.Errors.Select(e => e.Message).Distinct(StringComparer.Ordinal));
        output.Fail(new Failure(ExitCode.Usage, "USAGE", $"{message}\nSee: {PathOf(arguments)} --help"));
        return (int)ExitCode.Usage;
    }

    private static string PathOf(ParseResult arguments)
    {
        var names = new List<string>();
        for (System.CommandLine.Parsing.SymbolResult? result = arguments.CommandResult; result is not null; result = result.Parent)
        {
            if (result is System.CommandLine.Parsing.CommandResult { Command: var command })
            {
                names.Add(command is RootCommand ? "tidemark" : command.Name);
            }
        }

        names.Reverse();
        return string.Join(' ', names);
    }
}
