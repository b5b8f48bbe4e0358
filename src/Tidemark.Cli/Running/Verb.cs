using System.CommandLine;
using Tidemark.Cli.Output;

namespace Tidemark.Cli.Running;

/// <summary>What a verb's body works with.</summary>
internal sealed record VerbContext(ParseResult Arguments, Out Out)
{
    public T Get<T>(Option<T> option) => Arguments.GetValue(option)!;

    public T Get<T>(Argument<T> argument) => Arguments.GetValue(argument)!;
}

/// <summary>Ties a command to its body.</summary>
internal static class Verb
{
    public static Command Create(string name, string description, params Symbol[] symbols)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            switch (symbol)
            {
                case Argument argument:
                    command.Add(argument);
                    break;
                case Option option:
                    command.Add(option);
                    break;
                case Command child:
                    command.Add(child);
                    break;
                default:
                    throw new ArgumentException($"{symbol.Name} is neither argument, option nor command.", nameof(symbols));
            }
        }

        return command;
    }

    /// <summary>The body's answer is the exit code; what it throws is reported and mapped to one.</summary>
    public static Command Runs(this Command command, Func<VerbContext, CancellationToken, Task<ExitCode>> body)
    {
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var output = new Out(arguments.GetValue(SharedOptions.Json), arguments.GetValue(SharedOptions.NoColor));
            try
            {
                var code = await body(new VerbContext(arguments, output), cancellationToken);
                output.Flush();
                return (int)code;
            }
#pragma warning disable CA1031 // the top of every verb: what nobody caught becomes a message and an exit code
            catch (Exception e)
#pragma warning restore CA1031
            {
                var failure = Failure.Of(e, cancellationToken);
                output.Fail(failure);
                return (int)failure.ExitCode;
            }
        });
        return command;
    }
}
