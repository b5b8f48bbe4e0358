using System.Text;
using Tidemark.Fuzzing.Engine;
using Tidemark.Model.Entities;

namespace Tidemark.Fuzzing.Inputs;

/// <summary>A model with every form of field, a composite key, references and unique keys, and JSON made to it.</summary>
public static class FuzzModel
{
    private static readonly string[] Ids = ["0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b50", "0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b51", "0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b52", "0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b53"];
    private static readonly string[] BoxKeys = ["\"a\"", "\"b\"", "\"\\u00e9\"", "\"\""];
    private static readonly string[] ThingKeys = ["1", "2", "-1", "\"9223372036854775807\"", "0"];

    public static SyncModel Model { get; } = new SyncModelBuilder()
        .Entity("boxes", e => e.Field("id", FieldType.Text).Field("name", FieldType.Text, f => f with { Collation = Collation.NoCase }).Key("id").Unique("name"))
        .Entity("forms", e => e.Field("id", FieldType.Exact).Field("i", FieldType.Integer).Field("r", FieldType.Real).Field("t", FieldType.Text).Field("b", FieldType.Blob)
            .Field("f", FieldType.Boolean).Field("u", FieldType.Uuid).Field("at", FieldType.Timestamp).Field("d", FieldType.Decimal).Field("j", FieldType.Json).Field("x", FieldType.Exact).Key("id"))
        .Entity("links", e => e.Field("a", FieldType.Text).Field("n", FieldType.Integer).Field("note", FieldType.Text).Key("a", "n").Reference("a", "boxes", required: true, DeleteRule.Cascade))
        .Entity("things", e => e.Field("id", FieldType.Integer).Field("box", FieldType.Text).Field("parent", FieldType.Integer).Field("title", FieldType.Text).Key("id").ServerAssigned()
            .Reference("box", "boxes", required: false, DeleteRule.Cascade).Reference("parent", "things", required: false, DeleteRule.SetNull))
        .Build();

    /// <summary>Names that mean something somewhere on the wire.</summary>
    public static IReadOnlyList<byte[]> Names { get; } = [.. new[]
    {
        "boxes", "forms", "links", "things", "id", "name", "a", "n", "note", "box", "parent", "title", "i", "r", "t", "b", "f", "u", "at", "d", "j", "x", "v", "changes", "commands", "entityType", "entityId", "operation",
        "version", "row", "origin", "deviceId", "commandId", "cursor", "cursors", "nextCursor", "until", "hasMore", "epoch", "mark", "marks", "position", "token", "payload", "refs", "group", "after", "baseVersion", "newEntityId",
        "occurredAt", "space", "limit", "entityTypes", "commandIds", "entityIds", "syncOperationId", "storeId", "pushSeq", "protocol", "floor", "modelHash", "", "A", "\\u0061",
    }.Select(Encoding.UTF8.GetBytes)];

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    /// <summary>A push of one to five commands.</summary>
    public static string Push(FuzzDice dice)
    {
        var commands = Enumerable.Range(0, 1 + dice.Next(5)).Select(_ => Command(dice));
        return $$"""{"protocol":1,"deviceId":"dev","storeId":"store","pushSeq":{{1 + dice.Next(3)}},"commands":[{{string.Join(',', commands)}}]}""";
    }

    /// <summary>A page of up to six changes.</summary>
    public static string Page(FuzzDice dice)
    {
        var changes = Enumerable.Range(0, dice.Next(7)).Select(_ => Change(dice));
        return $$$"""{"nextCursor":"c{{{dice.Next(9)}}}","cursors":{"boxes":"c"},"entityCursors":{"boxes":{"lastCreatedAt":5,"lastId":"\"a\""}},"until":9,"hasMore":{{{(dice.Chance(30) ? "true" : "false")}}},"estimatedRemaining":0,"epoch":"e","mark":{"position":9,"token":"t"},"changes":[{{{string.Join(',', changes)}}}]}""";
    }

    public static string Change(FuzzDice dice)
    {
        var (type, key, row) = Row(dice, dice.Chance(90));
        var gone = dice.Chance(20);
        var operation = gone ? dice.Of(["DELETE", "REMOVE"]) : dice.Of(["CREATE", "UPDATE"]);
        return $$"""{"entityType":"{{type}}","operation":"{{operation}}","entityId":{{key}},"version":{{1 + dice.Next(9)}},"changedAt":"2026-01-31T12:00:00Z","origin":{"deviceId":"dev","commandId":"{{dice.Of(Ids)}}"}{{(gone ? "" : ",\"row\":" + row)}}}""";
    }

    private static string Command(FuzzDice dice)
    {
        var operation = dice.Of(["CREATE", "CREATE", "CREATE", "UPDATE", "DELETE", "OFFER", "REKEY"]);
        var (type, key, row) = Row(dice, operation is "CREATE" or "OFFER");
        var members = new List<string> { $"\"id\":\"{Ids[dice.Next(4)][..^1]}{dice.Next(10)}\"", $"\"entityType\":\"{type}\"", $"\"operation\":\"{operation}\"", $"\"entityId\":{key}", "\"occurredAt\":\"2026-01-31T12:00:00Z\"" };
        if (operation != "DELETE" && dice.Chance(95))
        {
            members.Add("\"payload\":" + row);
        }

        if (dice.Chance(30))
        {
            members.Add($"\"baseVersion\":{dice.Of(["0", "1", "1769860800000000", "-1"])}");
        }

        if (dice.Chance(15))
        {
            members.Add($"\"group\":\"g{dice.Next(2)}\"");
        }

        if (dice.Chance(10))
        {
            members.Add($"\"after\":\"{dice.Of(Ids)}\"");
        }

        if (type == "things" && dice.Chance(30))
        {
            members.Add($"\"refs\":{{\"parent\":\"{dice.Of(Ids)}\"}}");
        }

        if (operation == "REKEY")
        {
            members.Add("\"newEntityId\":" + Row(dice, false, type).Key);
        }

        return "{" + string.Join(',', members) + "}";
    }

    private static (string Type, string Key, string Row) Row(FuzzDice dice, bool whole, string? of = null)
    {
        var type = of ?? dice.Of(["boxes", "forms", "links", "things"]);
        var members = new List<string>();
        void Add(string name, params string[] values)
        {
            if (whole || dice.Chance(50))
            {
                members.Add($"\"{name}\":{dice.Of(values)}");
            }
        }

        string key;
        switch (type)
        {
            case "boxes":
                key = dice.Of(BoxKeys);
                members.Add("\"id\":" + key);
                Add("name", "\"red\"", "\"RED\"", "null", "\"blue\"");
                break;
            case "links":
                var (a, n) = (dice.Of(BoxKeys), dice.Of(ThingKeys));
                key = $"[{a},{n}]";
                members.AddRange(["\"a\":" + a, "\"n\":" + n]);
                Add("note", "\"x\"", "null");
                break;
            case "things":
                key = dice.Of(ThingKeys);
                members.Add("\"id\":" + key);
                Add("box", [.. BoxKeys, "null"]);
                Add("parent", [.. ThingKeys, "null"]);
                Add("title", "\"t\"", "null");
                break;
            default:
                key = dice.Of(["1", "\"k\"", "1.5", "{\"t\":\"b\",\"v\":\"AA==\"}", "{\"t\":\"r\",\"v\":1}"]);
                members.Add("\"id\":" + key);
                Forms(Add);
                break;
        }

        return (type, key, "{" + string.Join(',', members.OrderBy(m => m, StringComparer.Ordinal)) + "}");
    }

    private static void Forms(Action<string, string[]> add)
    {
        add("i", ["1", "\"9007199254740993\"", "-9223372036854775808", "null"]);
        add("r", ["1.5", "1e300", "\"Infinity\"", "-0.0", "1"]);
        add("t", ["\"text\"", "\"\\ud83d\\ude00\"", "\"\""]);
        add("b", ["\"AAEC\"", "\"\"", "null"]);
        add("f", ["true", "false", "null"]);
        add("u", ["\"0190B6A0-7F3E-7CC1-9A57-0F1E2D3C4B5A\"", "\"{0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b5a}\""]);
        add("at", ["\"2026-01-31T12:00:00.1234567Z\"", "\"2026-01-31T12:00:00+01:30\"", "\"9999-12-31T23:59:59Z\""]);
        add("d", ["\"1.50\"", "1.5", "\"-0.000\"", "1e20"]);
        add("j", ["{\"b\":1,\"a\":[1.0,\"x\"]}", "\"s\"", "null", "[1e2,100]"]);
        add("x", ["1", "1.0", "\"t\"", "{\"t\":\"b\",\"v\":\"AA==\"}", "{\"t\":\"r\",\"v\":\"-Infinity\"}"]);
    }
}
