using Tidemark.Model.Entities;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Workload;

/// <summary>What the key of a table is.</summary>
internal enum KeyKind
{
    /// <summary>INTEGER PRIMARY KEY: the server may give another id.</summary>
    Integer,

    /// <summary>A UUID as text, made by the device: never the same twice.</summary>
    Uuid,

    /// <summary>A short code that people choose: two devices choose the same one.</summary>
    Code,

    /// <summary>Code and number.</summary>
    Composite,
}

/// <summary>What kind of unique index a table has over its shelf.</summary>
internal enum ShelfIndex
{
    /// <summary>With a word: never clashes by itself.</summary>
    Composite,

    /// <summary>With a small number: clashes often, and the server checks it.</summary>
    CompositeOfFew,

    /// <summary>Only over some rows; the server does not know it.</summary>
    Partial,

    /// <summary>Over what is computed from it; the server does not know it.</summary>
    Expression,
}

/// <summary>A column that two writers change without one losing: what its policy makes of both can be told without knowing the order.</summary>
internal enum MergedColumn
{
    /// <summary>COUNTER: edits add to it.</summary>
    Total,

    /// <summary>MONOTONIC: edits raise it, some would take it back.</summary>
    Peak,

    /// <summary>MERGE_ARRAYS: edits add items that nobody else ever adds, or remove one.</summary>
    Items,

    /// <summary>TEXT: edits put words that nobody else ever writes among those that are there, or take some away.</summary>
    Prose,
}

/// <summary>A reference to another table's key.</summary>
internal sealed record ReferenceShape(string Name, TableShape Target, bool Required, string OnDelete)
{
    public IReadOnlyList<string> Columns => Target.Key.Count == 1 ? [Name] : [.. Target.Key.Select(k => Name + "_" + k)];
}

/// <summary>
/// A random table. Each row has a tag that is given when it is made and never changes, so that a row can be told from
/// others whatever becomes of its key; the words are texts that no two writes ever share, so that each write can be found again.
/// </summary>
internal sealed class TableShape(string name, KeyKind keyKind)
{
    public const string Tag = "tag";

    public string Name { get; } = name;

    public KeyKind KeyKind { get; } = keyKind;

    public bool WithoutRowId { get; init; }

    public bool AutoIncrement { get; init; }

    /// <summary>Columns whose values are never written twice.</summary>
    public required IReadOnlyList<string> Words { get; init; }

    /// <summary>A small number that edits and triggers change to values others may have too.</summary>
    public bool HasNumber { get; init; }

    /// <summary>Null: no unique code; else its collation.</summary>
    public string? UniqueCollation { get; init; }

    /// <summary>Null: no shelf; else the unique index over it.</summary>
    public ShelfIndex? ShelfIndex { get; init; }

    /// <summary>What becomes of a word that two devices wrote, for each word; empty: the last writer wins.</summary>
    public IReadOnlyList<FieldPolicy> WordPolicies { get; init; } = [];

    /// <summary>The columns that are merged.</summary>
    public IReadOnlyList<MergedColumn> Merged { get; init; } = [];

    /// <summary>A deletion wins against an edit elsewhere.</summary>
    public bool DeletionWins { get; init; }

    /// <summary>It has a unique index that the server cannot know: two devices can make rows that do not fit together.</summary>
    public bool UncheckedByServer => ShelfIndex is Workload.ShelfIndex.Partial or Workload.ShelfIndex.Expression;

    public List<ReferenceShape> References { get; } = [];

    public List<string> Triggers { get; } = [];

    /// <summary>Two devices that use one key mean one row.</summary>
    public bool KeyIsIdentity => KeyKind is KeyKind.Code or KeyKind.Composite;

    public IReadOnlyList<string> Key { get; } = keyKind == KeyKind.Composite ? ["area", "nr"] : ["id"];

    /// <summary>All columns, key first, in the order of the table.</summary>
    public IReadOnlyList<string> Columns => field ??= [.. Key, Tag, .. Words, .. HasNumber ? ["amount"] : Array.Empty<string>(), .. UniqueCollation is null ? Array.Empty<string>() : ["code"], .. ShelfIndex is null ? Array.Empty<string>() : ["shelf"], .. Merged.Select(NameOf), .. References.SelectMany(r => r.Columns)];

    public int TagAt => Key.Count;

    public static string NameOf(MergedColumn column) => column switch
    {
        MergedColumn.Total => "total",
        MergedColumn.Peak => "peak",
        MergedColumn.Items => "items",
        _ => "prose",
    };

    public int IndexOf(MergedColumn column) => ((IList<string>)Columns).IndexOf(NameOf(column));

    public string QuotedName => SqlName.Quote(Name);

    public string SelectAll => field ??= $"SELECT {string.Join(", ", Columns)} FROM {QuotedName} ORDER BY {string.Join(", ", Key)}";

    public string ByKey => string.Join(" AND ", Key.Select((k, i) => $"{k} = ?{i + 1}"));

    public string CreateSql()
    {
        var lines = new List<string>();
        lines.AddRange(KeyKind switch
        {
            KeyKind.Integer => [AutoIncrement ? "id INTEGER PRIMARY KEY AUTOINCREMENT" : "id INTEGER PRIMARY KEY"],
            KeyKind.Composite => ["area TEXT NOT NULL", "nr INTEGER NOT NULL"],
            _ => ["id TEXT PRIMARY KEY NOT NULL"],
        });
        lines.Add($"{Tag} TEXT NOT NULL");
        lines.AddRange(Words.Select(w => w + " TEXT NOT NULL"));
        if (HasNumber)
        {
            lines.Add("amount NUMERIC DEFAULT 0");
        }

        if (UniqueCollation is not null)
        {
            lines.Add($"code TEXT COLLATE {UniqueCollation} UNIQUE");
        }

        if (ShelfIndex is not null)
        {
            lines.Add("shelf TEXT");
        }

        lines.AddRange(Merged.Select(m => NameOf(m) + (m is MergedColumn.Total or MergedColumn.Peak ? " INTEGER" : " TEXT")));
        foreach (var reference in References)
        {
            lines.AddRange(reference.Columns.Select((c, i) => $"{c} {TypeOf(reference.Target, i)}{(reference.Required ? " NOT NULL" : "")}"));
        }

        lines.AddRange(References.Select(r => $"FOREIGN KEY({string.Join(", ", r.Columns)}) REFERENCES {r.Target.QuotedName}({string.Join(", ", r.Target.Key)}) ON DELETE {r.OnDelete} ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED"));
        if (KeyKind == KeyKind.Composite)
        {
            lines.Add("PRIMARY KEY(area, nr)");
        }

        return $"CREATE TABLE {QuotedName}({string.Join(", ", lines)}){(WithoutRowId ? " WITHOUT ROWID" : "")};";
    }

    /// <summary>The unique index over the shelf, when there is one.</summary>
    public string IndexSql() => ShelfIndex switch
    {
        Workload.ShelfIndex.Composite => $"CREATE UNIQUE INDEX shelf_{Name} ON {QuotedName}(shelf, {Words[0]});",
        Workload.ShelfIndex.CompositeOfFew => $"CREATE UNIQUE INDEX shelf_{Name} ON {QuotedName}(shelf, {(HasNumber ? "amount" : Tag)});",
        Workload.ShelfIndex.Partial => $"CREATE UNIQUE INDEX shelf_{Name} ON {QuotedName}(shelf) WHERE shelf <> 'none';",
        Workload.ShelfIndex.Expression => $"CREATE UNIQUE INDEX shelf_{Name} ON {QuotedName}(lower(shelf));",
        _ => "",
    };

    private static string TypeOf(TableShape target, int column) =>
        target.KeyKind == KeyKind.Integer || (target.KeyKind == KeyKind.Composite && column == 1) ? "INTEGER" : "TEXT";
}
