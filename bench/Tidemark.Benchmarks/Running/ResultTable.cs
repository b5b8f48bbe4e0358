using System.Globalization;
using System.Text;

namespace Tidemark.Benchmarks.Running;

/// <summary>The one table a run prints: Markdown, with aligned columns, so that it reads alike in a terminal and in the docs.</summary>
internal static class ResultTable
{
    private static readonly string[] Head = ["name", "bare / floor", "Tidemark", "ratio", "target", ""];

    public static string Render(IReadOnlyList<Figure> figures)
    {
        string[][] lines = [Head, .. figures.Select(Cells)];
        var widths = Enumerable.Range(0, Head.Length).Select(i => lines.Max(l => l[i].Length)).ToArray();
        var text = new StringBuilder();
        Append(text, lines[0], widths);
        text.Append('|');
        for (var i = 0; i < widths.Length; i++)
        {
            text.Append('-').Append('-', widths[i]).Append(IsNumber(i) ? ":|" : "-|");
        }

        text.AppendLine();
        foreach (var line in lines.Skip(1))
        {
            Append(text, line, widths);
        }

        return text.ToString();
    }

    private static string[] Cells(Figure figure) =>
    [
        figure.Name,
        figure.Bare,
        figure.Tidemark,
        figure.Ratio.ToString("0.00", CultureInfo.InvariantCulture),
        figure.Target.ToString(),
        figure.Ok switch { true => "ok", false => "MISS", null => "" },
    ];

    private static bool IsNumber(int column) => column is >= 1 and <= 4;

    private static void Append(StringBuilder text, string[] cells, int[] widths)
    {
        text.Append('|');
        for (var i = 0; i < cells.Length; i++)
        {
            text.Append(' ').Append(IsNumber(i) ? cells[i].PadLeft(widths[i]) : cells[i].PadRight(widths[i])).Append(" |");
        }

        text.AppendLine();
    }
}
