using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Tidemark.Fuzzing.Engine;

/// <summary>
/// What stands in for coverage: an input is new when it ends in a way that was not seen before. The way is the kind of exception,
/// its message without values, and the first frame of ours, or the shape a target gives.
/// </summary>
public static partial class Shapes
{
    private const int TextMax = 60;

    public static string Of(Exception exception)
    {
        ArgumentNullException.ThrowIfNull(exception);
        return $"{exception.GetType().Name} {Text(exception.Message)} @{FrameOf(exception)}";
    }

    /// <summary>The message without what comes from the input.</summary>
    public static string Text(string? message)
    {
        var line = (message ?? "").Split('\n')[0];
        var masked = Value().Replace(line.Length > 400 ? line[..400] : line, "#");
        var words = string.Join(' ', masked.Split(' ').Where(w => w.All(c => char.IsAsciiLetter(c) || c is ',' or '.')));
        return words.Length <= TextMax ? words : words[..TextMax];
    }

    /// <summary>The method of Tidemark nearest to the throw.</summary>
    public static string FrameOf(Exception exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            foreach (var frame in new StackTrace(e).GetFrames())
            {
                if (frame.GetMethod() is { DeclaringType: { } type } method && type.FullName is { } name
                    && name.StartsWith("Tidemark.", StringComparison.Ordinal) && !name.StartsWith("Tidemark.Fuzzing", StringComparison.Ordinal))
                {
                    return $"{type.Name}.{method.Name}";
                }
            }
        }

        return "";
    }

    // Quoted text, words with digits or foreign characters, and runs of digits are values.
    [GeneratedRegex("""'[^']*'|"[^"]*"|\$[\w.\[\]'-]+|\S*[^\x20-\x7e]\S*|[\w.-]*\d[\w.-]*""", RegexOptions.None, 2000)]
    private static partial Regex Value();
}
