using System.Text;
using System.Text.Json;
using Tidemark.Model.Protocol;

namespace Tidemark.Model.Values;

/// <summary>The canonical text of a field that holds JSON.</summary>
internal static class JsonForm
{
    // A page or a push wraps the value in less than eight levels and may be 64 deep as a whole.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 56, AllowDuplicateProperties = false };

    /// <exception cref="FormatException">Not JSON, or a number would not survive the canonical form.</exception>
    public static string OfStored(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, Options);
            if (document.RootElement.ValueKind == JsonValueKind.Null)
            {
                throw new FormatException("JSON's null cannot be told from no value on the wire; store NULL");
            }

            Check(document.RootElement, numbersMustSurvive: true);
            return Encoding.UTF8.GetString(CanonicalPayload.Canonicalize(document.RootElement));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException("the text is not JSON that can be synced: " + e.Message, e);
        }
    }

    /// <exception cref="FormatException">A string or name contains NUL or half of a surrogate pair.</exception>
    public static string OfWire(JsonElement element)
    {
        Check(element, numbersMustSurvive: false);
        return Encoding.UTF8.GetString(CanonicalPayload.Canonicalize(element));
    }

    /// <summary>Whether the text can stand in a page as it is.</summary>
    public static bool IsJson(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, Options);
            Check(document.RootElement, numbersMustSurvive: false);
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            return false;
        }
    }

    private static void Check(JsonElement element, bool numbersMustSurvive)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    CheckText(member.Name);
                    Check(member.Value, numbersMustSurvive);
                }

                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    Check(item, numbersMustSurvive);
                }

                break;
            case JsonValueKind.String:
                CheckText(element.GetString()!);
                break;
            case JsonValueKind.Number when numbersMustSurvive && !Survives(element):
                throw new FormatException($"the number {element.GetRawText()} does not fit a JSON number exactly; write it as a string");
        }
    }

    private static void CheckText(string text)
    {
        if (TextRules.FaultOf(text) is { } fault)
        {
            throw new FormatException(fault);
        }
    }

    private static bool Survives(JsonElement number)
    {
        if (number.TryGetInt64(out var integer))
        {
            return integer is <= CanonicalJsonWriter.SafeIntegerMax and >= -CanonicalJsonWriter.SafeIntegerMax;
        }

        var real = number.GetDouble();
        if (Math.Abs(real) is > CanonicalJsonWriter.SafeIntegerMax and < 1e19 && DecimalForm.WholeOf(CanonicalJsonWriter.EcmaScriptNumber(real)) is { } whole && long.TryParse(whole, System.Globalization.CultureInfo.InvariantCulture, out _))
        {
            return false; // 1e18 is an integer beyond 2^53-1 too, however it is spelt: the canonical form would make text of it.
        }

        return double.IsFinite(real) && DecimalForm.SameNumber(number.GetRawText(), CanonicalJsonWriter.EcmaScriptNumber(real));
    }
}
