namespace Tidemark.Cli.Running;

/// <summary>A verb's own failure: what to print and which exit code.</summary>
internal sealed class VerbException(ExitCode exitCode, string code, string message) : Exception(message)
{
    public ExitCode ExitCode { get; } = exitCode;

    public string Code { get; } = code;

    public static VerbException Usage(string message) => new(ExitCode.Usage, "USAGE", message);

    public static VerbException Failed(string code, string message) => new(ExitCode.Failed, code, message);
}
