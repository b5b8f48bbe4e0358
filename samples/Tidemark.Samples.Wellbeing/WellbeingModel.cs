using Tidemark.Model.Entities;
using Tidemark.Model.Merging;

namespace Tidemark.Samples.Wellbeing;

/// <summary>
/// The model of a wellbeing app whose rows need more than a policy for each field: five custom merges and one type that never conflicts.
/// </summary>
public static class WellbeingModel
{
    /// <summary>What the app registers: for its store (<c>StoreOptions.Merges</c>), and for its server where unique keys merge rows (<c>ServerOptions.Merges</c>).</summary>
    public static CustomMergeRegistry Merges() => new CustomMergeRegistry()
        .Add("sessions", SessionMerge.Merge)
        .Add("consumptions", ConsumptionMerge.Merge)
        .Add("products", ProductMerge.Merge)
        .Add("devices", DeviceMerge.Merge)
        .Add("journal_entries", JournalEntryMerge.Merge);

    public static SyncModel Build() => new SyncModelBuilder()
        .Entity("sessions", e => e
            .Field("id", FieldType.Text)
            .Field("started_at", FieldType.Timestamp)
            .Field("ended_at", FieldType.Timestamp)
            .Field("ranges", FieldType.Json)
            .Field("note", FieldType.Text, f => f with { Policy = FieldPolicy.Text })
            .Field("total_minutes", FieldType.Integer, f => f with { ServerDerived = true })
            .Key("id")
            .MergedBy("sessions"))
        .Entity("products", e => e
            .Field("id", FieldType.Text)
            .Field("is_public", FieldType.Boolean)
            .Field("name", FieldType.Text)
            .Field("calories", FieldType.Integer)
            .Field("rating", FieldType.Integer)
            .Field("private_note", FieldType.Text)
            .Key("id")
            .MergedBy("products"))
        .Entity("consumptions", e => e
            .Field("id", FieldType.Text)
            .Field("idempotency_key", FieldType.Text)
            .Field("product_id", FieldType.Text)
            .Field("grams", FieldType.Integer)
            .Field("eaten_at", FieldType.Timestamp)
            .Field("note", FieldType.Text)
            .Key("id")
            .Unique(UniqueRule.Merge, "idempotency_key")
            .Reference("product_id", "products")
            .MergedBy("consumptions"))
        .Entity("devices", e => e
            .Field("id", FieldType.Text)
            .Field("name", FieldType.Text)
            .Field("last_seen", FieldType.Timestamp)
            .Field("battery", FieldType.Integer)
            .Key("id")
            .MergedBy("devices"))
        .Entity("journal_entries", e => e
            .Field("id", FieldType.Text)
            .Field("body", FieldType.Text, f => f with { Policy = FieldPolicy.Text })
            .Field("tags", FieldType.Json, f => f with { Policy = FieldPolicy.MergeArrays })
            .Field("meta", FieldType.Json, f => f with { Policy = FieldPolicy.MergeObject })
            .Field("words", FieldType.Integer)
            .Key("id")
            .MergedBy("journal_entries"))
        .Entity("ai_usage_records", e => e
            .Field("id", FieldType.Text)
            .Field("tokens", FieldType.Integer)
            .Key("id")
            .ConflictFree())
        .Build() with
    {
        Schema = [.. Tables.Select(t => new SchemaObject { Kind = "table", Name = t.Name, Table = t.Name, Sql = $"CREATE TABLE {t.Name}({t.Columns})" })],
    };

    private static readonly (string Name, string Columns)[] Tables =
    [
        ("sessions", "id TEXT PRIMARY KEY, started_at TEXT, ended_at TEXT, ranges TEXT, note TEXT, total_minutes INTEGER"),
        ("products", "id TEXT PRIMARY KEY, is_public INTEGER, name TEXT, calories INTEGER, rating INTEGER, private_note TEXT"),
        ("consumptions", "id TEXT PRIMARY KEY, idempotency_key TEXT UNIQUE, product_id TEXT REFERENCES products(id), grams INTEGER, eaten_at TEXT, note TEXT"),
        ("devices", "id TEXT PRIMARY KEY, name TEXT, last_seen TEXT, battery INTEGER"),
        ("journal_entries", "id TEXT PRIMARY KEY, body TEXT, tags TEXT, meta TEXT, words INTEGER"),
        ("ai_usage_records", "id TEXT PRIMARY KEY, tokens INTEGER"),
    ];
}
