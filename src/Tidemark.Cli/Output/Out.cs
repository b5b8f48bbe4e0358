using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using Spectre.Console.Rendering;
using Tidemark.Cli.Running;

namespace Tidemark.Cli.Output;

/// <summary>
/// Where a verb speaks. With --json, standard output holds exactly one JSON document and everything for people goes to
/// standard error; without it, people get standard output and errors go to standard error.
/// </summary>
internal sealed class Out
{
    // Nothing is wrapped when nobody looks at it in a terminal: lines are what programs search.
    private const int PipeWidth = 10_000;

    private static readonly JsonSerializerOptions JsonOptions = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    private readonly IAnsiConsole _errors;
    private bool _documentWritten;

    public Out(bool json, bool noColor)
    {
        Json = json;
        Human = ConsoleOn(json ? Console.Error : Console.Out, json ? Console.IsErrorRedirected : Console.IsOutputRedirected, noColor);
        _errors = json ? Human : ConsoleOn(Console.Error, Console.IsErrorRedirected, noColor);
    }

    public bool Json { get; }

    /// <summary>What people read.</summary>
    public IAnsiConsole Human { get; }

    /// <summary>Somebody is looking, so that bars may move.</summary>
    public bool Interactive => Json ? !Console.IsErrorRedirected : !Console.IsOutputRedirected;

    /// <summary>A line of text as it is, markup characters included.</summary>
    public void Line(string text = "") => Human.Profile.Out.Writer.WriteLine(text);

    /// <summary>A line with Spectre markup; escape what comes from outside.</summary>
    public void Markup(string markup) => Human.MarkupLine(markup);

    public void Write(IRenderable renderable) => Human.Write(renderable);

    /// <summary>A line on standard error that does not end the verb.</summary>
    public void Warn(string text) => _errors.MarkupLine($"[yellow]warning:[/] {text.EscapeMarkup()}");

    /// <summary>The verb's document; only with --json, and only once.</summary>
    public void Document(object document)
    {
        if (!Json)
        {
            return;
        }

        if (_documentWritten)
        {
            throw new InvalidOperationException("A verb prints one JSON document.");
        }

        _documentWritten = true;
        Console.Out.WriteLine(JsonSerializer.Serialize(document, JsonOptions));
        Console.Out.Flush();
    }

    public void Fail(Failure failure)
    {
        if (Json && !_documentWritten)
        {
            Document(new { error = new { code = failure.Code, message = failure.Message, exitCode = (int)failure.ExitCode } });
        }

        _errors.MarkupLine($"[red]error:[/] {failure.Message.EscapeMarkup()} [grey]({failure.Code.EscapeMarkup()})[/]");
        if (failure.Detail is { } detail)
        {
            Console.Error.WriteLine(detail);
        }
    }

    /// <summary>A verb that had nothing to say still owes its document.</summary>
    public void Flush()
    {
        if (Json && !_documentWritten)
        {
            Document(new { outcome = "done" });
        }
    }

    private static IAnsiConsole ConsoleOn(TextWriter writer, bool redirected, bool noColor)
    {
        var plain = redirected || noColor || Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 };
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = redirected ? InteractionSupport.No : InteractionSupport.Detect,
            Out = new AnsiConsoleOutput(writer),
        });
        if (redirected)
        {
            console.Profile.Width = PipeWidth;
        }

        return console;
    }
}
