#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using System.Globalization;
using System.Security.Cryptography;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Joining;

/// <summary>A value with the stamp of the edit that wrote it, and the stamp of what that edit replaced.</summary>
internal readonly record struct StampedValue(Value Value, Stamp Stamp, Stamp Before)
{
    public bool IsKnown => !Value.IsAbsent;

    /// <summary>What the value alone does not say: who counted how much, which items are when and by whom, what a clock showed; of a deletion the stamps of all that its writer had seen. Null: nothing.</summary>
    public string? Parts { get; init; }
}

/// <summary>
/// The state of a row as a join of everything that was ever seen of it: each field, and whether it is deleted, by the greatest stamp. Commutative, associative and
/// idempotent, so the order in which remotes, pages and rows come cannot matter. Immutable.
/// </summary>
internal sealed class JoinedRow
{
    private readonly StampedValue[] _fields;

    /// <param name="type">The type.</param>
    /// <param name="key">The row's key.</param>
    /// <param name="fields">In field order; those of the key, and those never seen, are absent.</param>
    /// <param name="deletion">1: deleted, 0: not.</param>
    public JoinedRow(EntityType type, EntityKey key, StampedValue[] fields, StampedValue deletion)
    {
        (Type, Key, _fields, Deletion) = (type, key, fields, deletion);
    }

    public EntityType Type { get; }

    public EntityKey Key { get; }

    public StampedValue Deletion { get; }

    public bool IsDeleted => IsMarked && !IsKept();

    /// <summary>Its last deletion is later than what brought it back last.</summary>
    public bool IsMarked => Deletion.IsKnown && Deletion.Value.AsInteger != 0;

    public IReadOnlyList<StampedValue> Fields => _fields;

    /// <summary>What the fields were before the edits that no remote has seen yet; kept where a rule needs it (<see cref="Judgement"/>), and never sent.</summary>
    public Row? Base { get; init; }

    /// <summary>The newest stamp in it.</summary>
    public Stamp Newest
    {
        get
        {
            var newest = Deletion.Stamp;
            foreach (var value in _fields)
            {
                newest = value.Stamp > newest ? value.Stamp : newest;
            }

            return newest;
        }
    }

    /// <summary>A row of which nothing is known yet.</summary>
    public static JoinedRow Nothing(EntityType type, EntityKey key) => new(type, key, new StampedValue[type.Fields.Count], default);

    /// <summary>The row as an app sees it, whether deleted or not; fields never seen are NULL.</summary>
    public Row ToRow()
    {
        var values = new Value[_fields.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = _fields[i].IsKnown ? _fields[i].Value : Value.Null;
        }

        for (var i = 0; i < Key.Count; i++)
        {
            values[Type.KeyOrdinals[i]] = Key[i];
        }

        return new Row(Type, values);
    }

    /// <summary>Both, field by field.</summary>
    public JoinedRow Join(JoinedRow other)
    {
        StampedValue[]? fields = null;
        for (var i = 0; i < _fields.Length; i++)
        {
            if (FieldJoin.Join(Type, i, _fields[i], other._fields[i]) is var joined && joined != _fields[i])
            {
                fields ??= (StampedValue[])_fields.Clone();
                fields[i] = joined;
            }
        }

        var deletion = FieldJoin.JoinDeletion(Deletion, other.Deletion);
        return fields is null && deletion == Deletion ? this : new JoinedRow(Type, Key, fields ?? _fields, deletion) { Base = Base };
    }

    /// <summary>The row after an edit: what differs from what the app was shown gets the stamp. An edit revives a deleted row; a deletion keeps the values.</summary>
    /// <param name="shown">What the app saw; null: no row.</param>
    /// <param name="live">What it wrote; null: it deleted the row.</param>
    /// <param name="stamp">Of the edit.</param>
    /// <param name="others">When it is deleted: the stamps of fields that only newer models have.</param>
    public JoinedRow Edited(Row? shown, Row? live, Stamp stamp, IEnumerable<Stamp>? others = null)
    {
        if (live is null)
        {
            var marks = Enumerable.Range(0, _fields.Length).Where(i => _fields[i].IsKnown && !Type.IsKey(i)).Select(MarkOf).Concat((others ?? []).Select(s => s.ToString()));
            var deleted = new StampedValue(Value.Integer(1), stamp, Deletion.Stamp) { Parts = FieldJoin.Union(Deletion.Parts, Seen(Type, marks)) };
            return shown is null || IsDeleted ? this : new JoinedRow(Type, Key, _fields, deleted) { Base = Base };
        }

        StampedValue[]? fields = null;
        for (var i = 0; i < _fields.Length; i++)
        {
            if (!Type.IsKey(i) && (shown is null ? !_fields[i].IsKnown || _fields[i].Value != live[i] : shown[i] != live[i]))
            {
                fields ??= (StampedValue[])_fields.Clone();
                fields[i] = FieldJoin.Written(Type, i, _fields[i], shown is null ? Value.Absent : shown[i], live, stamp, stamp.Node);
            }
        }

        var isNew = !Deletion.IsKnown || IsDeleted || shown is null;
        return fields is null && !isNew
            ? this
            : new JoinedRow(Type, Key, fields ?? _fields, isNew || Type.DeletePolicy == DeletePolicy.UpdateWins ? new StampedValue(Value.Integer(0), stamp, Deletion.Stamp) { Parts = Deletion.Parts } : Deletion) { Base = Base };
    }

    /// <summary>The same with other fields.</summary>
    public JoinedRow With(IReadOnlyDictionary<int, StampedValue> fields, Row? @base)
    {
        var changed = (StampedValue[])_fields.Clone();
        foreach (var (ordinal, value) in fields)
        {
            changed[ordinal] = value;
        }

        return new JoinedRow(Type, Key, changed, Deletion) { Base = @base };
    }

    /// <summary>All that the writer of a deletion had seen, as it stands beside it; null: deletions of the type win, whatever he had seen.</summary>
    public static string? Seen(EntityType type, IEnumerable<string> marks) =>
        type.DeletePolicy == DeletePolicy.UpdateWins ? string.Join(' ', marks.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)) : null;

    /// <summary>What a state of a field is known by there: its stamp, and what stands beside the value.</summary>
    public static string Mark(Stamp stamp, ulong parts) => parts == 0 ? stamp.ToString() : string.Create(CultureInfo.InvariantCulture, $"{stamp}.{parts:x16}");

    /// <summary>SHA-256 over the value as it is on the wire.</summary>
    public static byte[] HashOf(Field? field, Value value)
    {
        using var writer = new CanonicalJsonWriter();
        if (field is null)
        {
            writer.WriteExact(value);
        }
        else
        {
            writer.WriteValue(field, value);
        }

        return SHA256.HashData(writer.Written);
    }

    // Where edits win, one that no deletion's writer had seen keeps the row, whichever of the two was made later.
    private bool IsKept()
    {
        if (Deletion.Parts is not { } seen)
        {
            return false;
        }

#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.UnseenEditDeleted))
        {
            return false;
        }
#endif

        for (var i = 0; i < _fields.Length; i++)
        {
            if (_fields[i].IsKnown && !Type.IsKey(i) && !seen.Contains(MarkOf(i), StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    private string MarkOf(int ordinal) => Mark(_fields[ordinal].Stamp, Shadow.PartsOf(Type.Fields[ordinal], _fields[ordinal]));
}
