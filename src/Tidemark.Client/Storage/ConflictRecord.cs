using System.Text;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>A conflict as it was met and settled, kept so that it can be told and replayed.</summary>
public sealed record ConflictRecord
{
    /// <summary>The outcome of an edit that somebody took back before it was sent.</summary>
    public const string Discarded = "DISCARDED";

    /// <summary>The outcome of a pulled row that was put aside and that somebody gave up.</summary>
    public const string AsideDiscarded = "ASIDE_DISCARDED";

    /// <summary>The outcome, where a file has several remotes, of an edit of this device that a later one of another device beside it has replaced.</summary>
    public const string Superseded = "SUPERSEDED";

    /// <summary>Its number in this file; given when it is stored.</summary>
    public long Id { get; init; }

    /// <summary>The time the merge saw.</summary>
    public DateTimeOffset At { get; init; }

    public required string Type { get; init; }

    /// <summary>The row's key in wire form.</summary>
    public required string Key { get; init; }

    /// <summary>The command whose verdict told of it; null when a pull did.</summary>
    public string? Command { get; init; }

    /// <summary>ADOPT_SERVER, REBASE_AND_RETRY, SKIPPED, MANUAL_REQUIRED, DISCARDED, ASIDE_DISCARDED or SUPERSEDED.</summary>
    public required string Outcome { get; init; }

    public Row? Base { get; init; }

    public Row? Local { get; init; }

    public Row? Server { get; init; }

    /// <summary>The server said that the row was deleted.</summary>
    public bool IsServerDeleted { get; init; }

    public Row? Merged { get; init; }

    /// <summary>What became of each field.</summary>
    public IReadOnlyList<FieldMerge> Fields { get; init; } = [];

    /// <summary>Why, where no field says it.</summary>
    public string? Reason { get; init; }

    /// <summary>See <see cref="Model.Merging.PolicyHash"/>: the rules it was merged by; null when rows that depend on it decided.</summary>
    public string? PolicyHash { get; init; }

    public long ServerVersion { get; init; }

    /// <summary>TAKE_LOCAL, TAKE_SERVER or TAKE_ROW when a person has settled it.</summary>
    public string? Settlement { get; init; }

    public DateTimeOffset? SettledAt { get; init; }

    /// <summary>Does it wait for a person?</summary>
    public bool IsOpen => Outcome == "MANUAL_REQUIRED" && Settlement is null;
}

/// <summary>The rules of a conflict as they are stored.</summary>
internal static class FieldMergeJson
{
    public static string Write(IReadOnlyList<FieldMerge> fields)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartArray();
            foreach (var field in fields)
            {
                json.WriteStartObject();
                json.WriteString("field", field.Field);
                json.WriteString("rule", field.Rule.ToString());
                if (field.Policy is { } policy)
                {
                    json.WriteString("policy", policy.ToString());
                }

                json.WriteString("from", field.From.ToString());
                if (field.Note is { } note)
                {
                    json.WriteString("note", note);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Also what earlier versions stored: the names of the fields in conflict, separated by commas.</summary>
    public static IReadOnlyList<FieldMerge> Read(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return [];
        }

        if (text[0] != '[')
        {
            return [.. text.Split(',').Select(name => new FieldMerge(name, MergeRule.Policy, null, MergeSource.Both))];
        }

        using var document = JsonDocument.Parse(text);
        return [.. document.RootElement.EnumerateArray().Select(e => new FieldMerge(
            e.GetProperty("field").GetString()!, Enum.Parse<MergeRule>(e.GetProperty("rule").GetString()!),
            e.TryGetProperty("policy", out var policy) ? Enum.Parse<FieldPolicy>(policy.GetString()!) : null,
            Enum.Parse<MergeSource>(e.GetProperty("from").GetString()!),
            e.TryGetProperty("note", out var note) ? note.GetString() : null))];
    }
}
