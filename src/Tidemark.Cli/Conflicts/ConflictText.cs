using System.Text.Json.Nodes;
using Tidemark.Client.Storage;
using Tidemark.Model.Merging;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Cli.Conflicts;

/// <summary>A conflict as JSON and in words.</summary>
internal static class ConflictText
{
    public static object DocumentOf(ConflictRecord conflict) => new
    {
        id = conflict.Id,
        at = conflict.At,
        type = conflict.Type,
        key = conflict.Key,
        outcome = conflict.Outcome,
        open = conflict.IsOpen,
        reason = conflict.Reason,
        command = conflict.Command,
        serverVersion = conflict.ServerVersion,
        serverDeleted = conflict.IsServerDeleted,
        policies = conflict.PolicyHash,
        @base = NodeOf(conflict.Base),
        local = NodeOf(conflict.Local),
        server = NodeOf(conflict.Server),
        merged = NodeOf(conflict.Merged),
        fields = conflict.Fields.Select(f => new { field = f.Field, rule = f.Rule.ToString(), policy = f.Policy?.ToString(), from = f.From.ToString(), note = f.Note }),
        settlement = conflict.Settlement,
        settledAt = conflict.SettledAt,
    };

    /// <summary>Which rule chose, in a few words.</summary>
    public static string HowOf(ConflictRecord conflict)
    {
        var fields = conflict.Fields.Where(f => f.Rule is MergeRule.Policy or MergeRule.Custom or MergeRule.ConflictFree).Select(f => $"{f.Field}: {RuleOf(f)}");
        return conflict.Settlement is { } settlement ? "settled: " + settlement : conflict.Reason ?? string.Join("; ", fields);
    }

    public static string RuleOf(FieldMerge field) => field.Policy?.ToString() ?? field.Rule.ToString();

    public static JsonNode? NodeOf(Row? row)
    {
        if (row is null)
        {
            return null;
        }

        using var writer = new CanonicalJsonWriter();
        WireRow.Write(writer, row);
        return JsonNode.Parse(writer.Written);
    }

    public static string ValueOf(Row? row, string field) =>
        row is null ? "(no row)" : row.Type.FindOrdinal(field) is >= 0 and var ordinal ? row[ordinal].ToString() : "(unknown)";
}
