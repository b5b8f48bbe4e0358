using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Attacks;

/// <summary>A request of an endpoint with all that it may carry, and the places in it where a word can be put.</summary>
/// <param name="Method">How.</param>
/// <param name="Route">The route's pattern.</param>
/// <param name="Query">Names and values as they stand in a query, not escaped.</param>
/// <param name="Body">JSON; # stands for a number that is another in every request.</param>
/// <param name="Headers">Names and values, joined by a colon.</param>
internal sealed record WholeRequest(string Method, string Route, string Query = "", string? Body = null, params string[] Headers)
{
    private const string Sample = "one";

    public override string ToString() => $"{Method} {Route}";

    /// <summary>The request with a word at each of its places in turn: parts of the path, names and values of the query and of the body, values of headers.</summary>
    public IEnumerable<(string Place, Func<int, HttpRequestMessage> Make)> With(string word)
    {
        for (var i = 0; i < Route.Count(c => c == '{'); i++)
        {
            var part = i;
            yield return ($"part {i} of the path", n => Message(Path(part, word), Query, Body, n));
        }

        var pairs = Query.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('=')).ToList();
        for (var i = 0; i < pairs.Count * 2; i++)
        {
            var changed = i;
            var query = string.Join('&', pairs.Select((p, at) => $"{Escaped(changed == (2 * at) ? word : p[0])}={Escaped(changed == (2 * at) + 1 ? word : p[1])}"));
            yield return ($"{(i % 2 == 0 ? "name" : "value")} of {pairs[i / 2][0]} in the query", n => Message(Path(-1, ""), query, Body, n));
        }

        for (var i = 0; Body is not null && Put(JsonNode.Parse(Numbered(Body, 0))!, word, i) is { } place; i++)
        {
            var at = i;
            yield return (place, n =>
            {
                var body = JsonNode.Parse(Numbered(Body, n))!;
                Put(body, word, at);
                return Message(Path(-1, ""), Query, body.ToJsonString(), n);
            });
        }

        for (var i = 0; i < Headers.Length && word.All(c => c is >= ' ' and <= '~'); i++)
        {
            var name = Headers[i].Split(':')[0];
            var changed = this with { Headers = [.. Headers[..i], name + ":" + word.Replace(":", "", StringComparison.Ordinal), .. Headers[(i + 1)..]] };
            yield return ("header " + name, n => changed.Message(Path(-1, ""), Query, Body, n));
        }
    }

    private HttpRequestMessage Message(string path, string query, string? body, int number)
    {
        var message = new HttpRequestMessage(new HttpMethod(Method), new Uri(query.Length == 0 ? path : path + "?" + query, UriKind.Relative));
        message.Content = body is null ? null : HttpMessages.Json(Encoding.UTF8.GetBytes(Numbered(body, number)));
        foreach (var header in Headers.Select(h => h.Split(':')))
        {
            if (header[0] == "Content-Type")
            {
                message.Content = new ByteArrayContent(Encoding.UTF8.GetBytes("piece"));
                message.Content.Headers.TryAddWithoutValidation(header[0], header[1]);
            }
            else
            {
                message.Headers.TryAddWithoutValidation(header[0], header[1]);
            }
        }

        return message;
    }

    private string Path(int changed, string word)
    {
        var (path, part) = (Route, 0);
        while (path.IndexOf('{', StringComparison.Ordinal) is >= 0 and var start)
        {
            path = path[..start] + (part++ == changed ? Escaped(word) : Sample) + path[(path.IndexOf('}', StringComparison.Ordinal) + 1)..];
        }

        return path;
    }

    // A part of a path that is . or .. would be taken away before it is sent.
    private static string Escaped(string word) => Uri.EscapeDataString(word);

    private static string Numbered(string body, int number) => body.Replace("####", number.ToString("x12", CultureInfo.InvariantCulture), StringComparison.Ordinal).Replace("##", number.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

    // Puts the word at the place of that number, first the names, then the values, depth first; tells which place, null when there are not so many.
    private static string? Put(JsonNode node, string word, int number)
    {
        var at = number;
        foreach (var place in Places(node).ToList())
        {
            if (at-- == 0)
            {
                place.Put(word);
                return place.Name;
            }
        }

        return null;
    }

    private static IEnumerable<(string Name, Action<string> Put)> Places(JsonNode node)
    {
        if (node is JsonObject members)
        {
            foreach (var (name, value) in members.ToList())
            {
                yield return ($"name {members.GetPath()}.{name}", word =>
                {
                    members.Remove(name);
                    members[word] = value?.DeepClone();
                });
                if (value is not (JsonObject or JsonArray))
                {
                    yield return ($"value {members.GetPath()}.{name}", word => members[name] = word);
                }
            }

            foreach (var inner in members.Where(m => m.Value is not null).SelectMany(m => Places(m.Value!)))
            {
                yield return inner;
            }
        }
        else if (node is JsonArray items)
        {
            for (var i = 0; i < items.Count; i++)
            {
                var at = i;
                if (items[i] is not (JsonObject or JsonArray))
                {
                    yield return ($"value {items.GetPath()}[{i}]", word => items[at] = word);
                }

                foreach (var inner in items[i] is { } item ? Places(item) : [])
                {
                    yield return inner;
                }
            }
        }
    }
}
