using System.CommandLine;
using System.CommandLine.Invocation;
using System.Text;
using Tidemark.Cli;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Hosting;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
SystemSqlite.Use();
using var signals = new StopSignals();

var arguments = TidemarkCommand.Create().Parse(TidemarkCommand.Normalize(args));
if (arguments.Action is ParseErrorAction)
{
    return UsageReport.Write(arguments);
}

var invocation = new InvocationConfiguration { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false };
return await arguments.InvokeAsync(invocation, signals.Token);
