using System.CommandLine;

namespace Tidemark.Cli.Running;

/// <summary>What several verbs take, spelled once.</summary>
internal static class SharedOptions
{
    public const string ServerVariable = "TIDEMARK_SERVER";
    public const string TokenVariable = "TIDEMARK_TOKEN";

    public static readonly Option<bool> Json = new("--json")
    {
        Description = "One JSON document on standard output; human text and progress go to standard error.",
        Recursive = true,
    };

    public static readonly Option<bool> NoColor = new("--no-color")
    {
        Description = "Plain text without colours (NO_COLOR does the same).",
        Recursive = true,
    };

    public static Argument<string> Database() => new("DB")
    {
        Description = "The app's SQLite database file.",
    };

    public static Option<string?> Server() => new("--server", "-s")
    {
        Description = $"The server's address, such as http://127.0.0.1:7040. Default: {ServerVariable}.",
        HelpName = "URL",
    };

    public static Option<string?> Token() => new("--token", "-t")
    {
        Description = $"The bearer token that says who you are. Default: {TokenVariable}.",
        HelpName = "TOKEN",
    };

    public static Option<int> Limit(int preset) => new("--limit", "-n")
    {
        Description = "How many to show at most.",
        HelpName = "N",
        DefaultValueFactory = _ => preset,
    };

    /// <exception cref="VerbException">Neither option nor variable names a usable address.</exception>
    public static Uri ServerOf(VerbContext context, Option<string?> option)
    {
        var text = Given(context.Get(option), ServerVariable)
            ?? throw VerbException.Usage($"Which server? Give --server URL or set {ServerVariable}.");
        return AddressOf(text);
    }

    /// <exception cref="VerbException">It is no address.</exception>
    public static Uri AddressOf(string text) =>
        Uri.TryCreate(text.EndsWith('/') ? text : text + "/", UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw VerbException.Usage($"'{text}' is no server address; it looks like http://127.0.0.1:7040.");

    /// <summary>Where the token of one of several remotes is looked for first.</summary>
    public static string TokenVariableOf(string remote) => $"{TokenVariable}_{remote.ToUpperInvariant().Replace('-', '_')}";

    /// <summary>The token for one of several remotes; null: there is none. The variable without a name is for one server, and is not shown to others.</summary>
    public static string? TokenOf(VerbContext context, Option<string?> option, string remote) =>
        Given(Environment.GetEnvironmentVariable(TokenVariableOf(remote)), "") ?? Given(context.Get(option), "");

    /// <exception cref="VerbException">Neither option nor variable gives a token.</exception>
    public static string TokenOf(VerbContext context, Option<string?> option)
    {
        var token = Given(context.Get(option), TokenVariable)
            ?? throw VerbException.Usage($"Who are you? Give --token TOKEN or set {TokenVariable}; `tidemark token` makes one.");
        return token.Trim() is { } trimmed && trimmed.All(c => c is > ' ' and < '\u007f')
            ? trimmed
            : throw new VerbException(ExitCode.Authentication, "AUTH_FAILED", "The token has characters no token has. Copy it again, or make a new one with `tidemark token`.");
    }

    private static string? Given(string? value, string variable)
    {
        value = string.IsNullOrWhiteSpace(value) && variable.Length > 0 ? Environment.GetEnvironmentVariable(variable) : value;
        return string.IsNullOrWhiteSpace(value) ? null : value;
    }
}
