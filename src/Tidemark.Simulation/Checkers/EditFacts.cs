using Tidemark.Model.Values;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>A word that an edit wrote: a text nobody else ever writes. The former one is what the writer saw there before; null in a new row.</summary>
internal sealed record WordWritten(string Table, string Row, string Field, string Word, string? Former);

/// <summary>A row is named by its tag.</summary>
internal sealed record RowFact(string Table, string Row, string Key);

/// <summary>A row was given this parent, by tag; null: none.</summary>
internal sealed record AttachedTo(string Table, string Row, string Reference, string? Parent);

/// <summary>A merged column was changed; the former value is null in a new row.</summary>
internal sealed record MergedChange(string Table, string Row, MergedColumn Column, Value? Former, Value Now);

/// <summary>What one committed transaction of an app changed, found by comparing before and after.</summary>
internal sealed record EditFacts(IReadOnlyList<WordWritten> Words, IReadOnlyList<RowFact> Made, IReadOnlyList<RowFact> Gone, IReadOnlyList<RowFact> Moved)
{
    public IReadOnlyList<AttachedTo> Attached { get; init; } = [];

    /// <summary>Tags of rows that stood under one key one after the other: what refers to the key may mean either.</summary>
    public IReadOnlyList<(string Former, string Now)> Replaced { get; init; } = [];

    /// <summary>The keys that moved rows had before.</summary>
    public IReadOnlyList<RowFact> Left { get; init; } = [];

    /// <summary>Unique values that rows held which are gone.</summary>
    public IReadOnlyList<UniqueHolding> Freed { get; init; } = [];

    /// <summary>Unique values that rows did not hold before.</summary>
    public IReadOnlyList<UniqueHolding> Taken { get; init; } = [];

    /// <summary>Tags of all rows that differ, and of their parents, theirs, and so on: what waits may bring any of them back.</summary>
    public IReadOnlySet<string> Touched { get; init; } = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>Rows that the transaction changed and of which no note was taken with it.</summary>
    public IReadOnlyList<string> Uncaptured { get; init; } = [];

    public IReadOnlyList<MergedChange> Merged { get; init; } = [];

    public bool IsEmpty => Words.Count == 0 && Made.Count == 0 && Gone.Count == 0 && Moved.Count == 0 && Attached.Count == 0 && Touched.Count == 0;

    public static EditFacts Between(RandomSchema schema, DatabaseImage before, DatabaseImage after)
    {
        var words = new List<WordWritten>();
        var made = new List<RowFact>();
        var gone = new List<RowFact>();
        var moved = new List<RowFact>();
        var attached = new List<AttachedTo>();
        var left = new List<RowFact>();
        var replaced = new List<(string, string)>();
        var merged = new List<MergedChange>();
        foreach (var table in schema.Tables)
        {
            var old = before.Rows(table);
            var now = after.Rows(table);
            var oldByTag = new Dictionary<string, Value[]>(StringComparer.Ordinal);
            var oldByKey = new Dictionary<string, Value[]>(StringComparer.Ordinal);
            foreach (var row in old)
            {
                oldByTag[TagOf(table, row)] = row;
                oldByKey[KeyOf(table, row)] = row;
            }

            var unmatched = old.CountBy(r => TagOf(table, r), StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
            foreach (var row in now)
            {
                var tag = TagOf(table, row);
                unmatched[tag] = unmatched.GetValueOrDefault(tag) - 1;

                // The same row: of the same key and tag, else of the same tag, else what stood under the key before.
                var under = oldByKey.GetValueOrDefault(KeyOf(table, row));
                var same = under is not null && TagOf(table, under) == tag ? under : oldByTag.GetValueOrDefault(tag);
                var known = same ?? under;
                if (under is not null && TagOf(table, under) != tag)
                {
                    replaced.Add((TagOf(table, under), tag));
                }

                if (same is null)
                {
                    made.Add(new RowFact(table.Name, tag, KeyOf(table, row)));
                }
                else if (KeyOf(table, same) != KeyOf(table, row))
                {
                    moved.Add(new RowFact(table.Name, tag, KeyOf(table, row)));
                    left.Add(new RowFact(table.Name, tag, KeyOf(table, same)));
                }

                AddWords(words, table, tag, known, row);
                merged.AddRange(
                    from column in table.Merged
                    let at = table.IndexOf(column)
                    where same is null || same[at] != row[at]
                    select new MergedChange(table.Name, tag, column, same?[at], row[at]));
                foreach (var reference in table.References)
                {
                    if (ParentOf(after, table, reference, row, out var parent) && (same is null || !ParentOf(before, table, reference, same, out var former) || former != parent))
                    {
                        attached.Add(new AttachedTo(table.Name, tag, reference.Name, parent));
                    }
                }
            }

            // Of two rows with one tag (a rename met an edit) the one that is gone is the one whose key has another row now, or none.
            var stays = now.Select(row => (KeyOf(table, row), TagOf(table, row))).ToHashSet();
            gone.AddRange(old.Where(row => unmatched[TagOf(table, row)] > 0 && !stays.Contains((KeyOf(table, row), TagOf(table, row)))).Select(row => new RowFact(table.Name, TagOf(table, row), KeyOf(table, row))));
        }

        return new EditFacts(words, made, gone, moved) { Attached = attached, Left = left, Replaced = replaced, Touched = TouchedRows.Between(schema, before, after), Merged = merged, Freed = UniqueHolding.Freed(schema, before, after), Taken = UniqueHolding.Taken(schema, before, after) };
    }

    /// <summary>The tag of the parent a row refers to, null when it refers to none; false when it refers to what is not there.</summary>
    public static bool ParentOf(DatabaseImage image, TableShape table, ReferenceShape reference, Value[] row, out string? parent)
    {
        parent = null;
        var key = reference.Columns.Select(c => row[((IList<string>)table.Columns).IndexOf(c)]).ToArray();
        if (key.Any(v => v.IsNull))
        {
            return true;
        }

        var keyText = string.Join('/', key.Select(v => v.ToString()));
        var found = image.Rows(reference.Target).FirstOrDefault(r => KeyOf(reference.Target, r) == keyText);
        parent = found is null ? null : TagOf(reference.Target, found);
        return found is not null;
    }

    public static string TagOf(TableShape table, Value[] row) => row[table.TagAt].ToString();

    public static string KeyOf(TableShape table, Value[] row) => string.Join('/', row[..table.Key.Count].Select(v => v.ToString()));

    private static void AddWords(List<WordWritten> words, TableShape table, string tag, Value[]? known, Value[] row)
    {
        for (var i = 0; i < table.Words.Count; i++)
        {
            var at = table.TagAt + 1 + i;
            var former = known?[at].ToString();
            var word = row[at].ToString();
            if (!string.Equals(former, word, StringComparison.Ordinal))
            {
                words.Add(new WordWritten(table.Name, tag, table.Words[i], word, former));
            }
        }
    }
}
