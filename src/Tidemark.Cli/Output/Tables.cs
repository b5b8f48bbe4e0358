using System.Globalization;
using Spectre.Console;

namespace Tidemark.Cli.Output;

/// <summary>Tables and words that all verbs share.</summary>
internal static class Tables
{
    /// <param name="columns">Headings; one that starts with '#' is right-aligned.</param>
    public static Table Of(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple, UseSafeBorder = true };
        foreach (var column in columns)
        {
            var right = column.StartsWith('#');
            var heading = new TableColumn($"[bold]{column.TrimStart('#').EscapeMarkup()}[/]");
            table.AddColumn(right ? heading.RightAligned() : heading);
        }

        return table;
    }

    /// <summary>A row of plain text: markup characters are shown as they are.</summary>
    public static Table Row(this Table table, params object?[] cells)
    {
        table.AddRow([.. cells.Select(c => new Text(TextOf(c)))]);
        return table;
    }

    /// <summary>Name and value, one a line.</summary>
    public static Grid Facts(params (string Name, object? Value)[] facts)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn(new GridColumn().PadRight(0));
        foreach (var (name, value) in facts)
        {
            grid.AddRow(new Markup($"[grey]{name.EscapeMarkup()}[/]"), new Text(TextOf(value)));
        }

        return grid;
    }

    public static string TextOf(object? value) => value switch
    {
        null => "-",
        long n => n.ToString("N0", CultureInfo.InvariantCulture),
        int n => n.ToString("N0", CultureInfo.InvariantCulture),
        bool b => b ? "yes" : "no",
        DateTimeOffset time => TimeOf(time),
        TimeSpan span => DurationOf(span),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    public static string TimeOf(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string DurationOf(TimeSpan span) => span switch
    {
        { TotalMilliseconds: < 1000 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds:F0} ms"),
        { TotalSeconds: < 100 } => string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:F1} s"),
        { TotalHours: < 1 } => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalMinutes} min {span.Seconds} s"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalHours} h {span.Minutes} min"),
    };

    public static string Count(long count, string one, string? many = null) =>
        TextOf(count) + " " + (count == 1 ? one : many ?? one + "s");

    /// <summary>At most so many characters, with an ellipsis where something was left out.</summary>
    public static string Short(string text, int lengthMax)
    {
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= lengthMax ? line : line[..(lengthMax - 1)] + "…";
    }
}
