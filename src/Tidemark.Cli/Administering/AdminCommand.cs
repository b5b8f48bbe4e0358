using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Tidemark.Cli.Running;
using Tidemark.Model.Protocol;

namespace Tidemark.Cli.Administering;

/// <summary>`tidemark admin`: what an administrator asks of a running server.</summary>
internal static class AdminCommand
{
    public static Command Create()
    {
        var user = new Argument<string>("USER") { Description = "Whose." };
        var device = new Argument<string>("DEVICE") { Description = "Which, as `admin devices USER` names it." };
        var ofUser = new Option<string?>("--user") { Description = "Of this user's devices alone.", HelpName = "USER" };
        return Verb.Create(
            "admin",
            "Users, devices, dead letters, spaces and retention of a running server, with an administrator's token.",
            Asks("users", "Who has come with a device.", _ => (HttpMethod.Get, "admin/users"), d => Lines(d, "users", u => u.GetString()!)),
            Asks("devices", "The devices of a user.", c => (HttpMethod.Get, $"admin/users/{Part(c, user)}/devices"), d => Lines(d, "devices", DeviceLine), user),
            Asks("revoke-device", "Refuse a device from now on, at all nodes, live connections included.", c => (HttpMethod.Delete, $"admin/users/{Part(c, user)}/devices/{Part(c, device)}"), _ => ["Revoked."], user, device),
            Asks("revoke-tokens", "Refuse all tokens of a user that were made before now.", c => (HttpMethod.Delete, $"admin/users/{Part(c, user)}/tokens"), _ => ["Revoked."], user),
            Asks("dead-letters", "What devices have told of their dead letters: how many, of which types, with which codes.", c => (HttpMethod.Get, c.Get(ofUser) is null ? "admin/dead-letters" : $"admin/users/{Uri.EscapeDataString(c.Get(ofUser)!)}/dead-letters"), DeadLetterLines, ofUser),
            Asks("spaces", "Every space with its head.", _ => (HttpMethod.Get, "admin/spaces"), d => Lines(d, "spaces", s => $"{s.GetProperty("space").GetString()}  {WireTime.OfPosition(s.GetProperty("head").GetInt64())}")),
            Asks("retention", "For how long deletions and verdicts are kept, how many there are in each space, and how many of them `compact` forgets now.", _ => (HttpMethod.Get, "admin/retention"), RetentionLines),
            Asks("compact", "Forget what is past the retention now.", _ => (HttpMethod.Post, "admin/compactions"), d => [$"{d.GetProperty("spaces").GetInt32()} spaces had something to forget."]));
    }

    private static Command Asks(string name, string description, Func<VerbContext, (HttpMethod Method, string Path)> what, Func<JsonElement, IEnumerable<string>> text, params Symbol[] symbols)
    {
        var (server, token) = (SharedOptions.Server(), SharedOptions.Token());
        return Verb.Create(name, description, [.. symbols, server, token]).Runs(async (context, cancellationToken) =>
        {
            var (method, path) = what(context);
            var answer = await AdminLink.SendAsync(new ServerLink(SharedOptions.ServerOf(context, server), SharedOptions.TokenOf(context, token)), method, path, cancellationToken);
            if (!context.Out.Json)
            {
                foreach (var line in text(answer))
                {
                    context.Out.Line(line);
                }
            }

            context.Out.Document(answer);
            return ExitCode.Done;
        });
    }

    private static string Part(VerbContext context, Argument<string> argument) => Uri.EscapeDataString(context.Get(argument));

    private static IEnumerable<string> Lines(JsonElement document, string list, Func<JsonElement, string> line) => document.GetProperty(list).EnumerateArray().Select(line);

    private static IEnumerable<string> DeadLetterLines(JsonElement document)
    {
        foreach (var device in document.GetProperty("devices").EnumerateArray())
        {
            yield return $"{device.GetProperty("user").GetString()}  {device.GetProperty("deviceId").GetString()}  told {device.GetProperty("reportedAt").GetString()}";
            foreach (var line in device.GetProperty("deadLetters").EnumerateArray())
            {
                yield return $"    {line.GetProperty("count").GetInt64()} x {line.GetProperty("entityType").GetString()}  {line.GetProperty("code").GetString()}  since {line.GetProperty("oldest").GetString()}";
            }
        }

        yield return $"{document.GetProperty("total").GetInt64()} dead letters.";
    }

    private static IEnumerable<string> RetentionLines(JsonElement document)
    {
        yield return $"Kept for {Of(document, "retentionMs", 86_400_000)} days; what is from before {document.GetProperty("before").GetString()} is forgotten, by itself every {Of(document, "everyMs", 3_600_000)} hours.";
        foreach (var space in document.GetProperty("spaces").EnumerateArray())
        {
            var (kept, due) = (space.GetProperty("kept"), space.GetProperty("due"));
            yield return $"{space.GetProperty("space").GetString()}  {Counted("tombstones")}, {Counted("verdicts")}, {Counted("marks")}";

            string Counted(string what) => $"{kept.GetProperty(what).GetInt64()} {what} ({due.GetProperty(what).GetInt64()} due)";
        }
    }

    private static string Of(JsonElement document, string member, double unit) => (document.GetProperty(member).GetInt64() / unit).ToString("0.##", CultureInfo.InvariantCulture);

    private static string DeviceLine(JsonElement device)
    {
        var name = device.TryGetProperty("name", out var given) ? $"  {given.GetString()}" : "";
        var revoked = device.GetProperty("revoked").GetBoolean() ? "  revoked" : "";
        return $"{device.GetProperty("deviceId").GetString()}  seen {device.GetProperty("seen").GetString()}{name}{revoked}";
    }
}
