using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>What is known of a touched row when a batch is built: base, live row, and where it came from.</summary>
internal sealed class RowState(EntityTable table, EntityKey key)
{
    public EntityTable Table { get; } = table;

    public EntityKey Key { get; } = key;

    public RowId Id => new(Table.Number, Key);

    /// <summary>The row as the remote last showed it; null: never.</summary>
    public Row? Base { get; init; }

    public long BaseVersion { get; init; }

    /// <summary>The row as the app sees it; null when it is gone (or softly deleted).</summary>
    public Row? Live { get; init; }

    /// <summary>The version of a deletion known at the remote; a CREATE restores it.</summary>
    public long TombstoneVersion { get; init; }

    /// <summary>The row was there when the file was adopted: its key names the same row everywhere.</summary>
    public bool Adopted { get; init; }

    /// <summary>An app has inserted it: under an id that the server assigns it is a new row, also when the id was another row's once.</summary>
    public bool Inserted { get; set; }

    /// <summary>The key the row had, when only its key was changed.</summary>
    public RowState? RekeyedFrom { get; set; }

    /// <summary>The row this one was renamed to.</summary>
    public RowState? RekeyedTo { get; set; }

    /// <summary>A stored value that cannot travel.</summary>
    public UnfitValueException? Fault { get; init; }

    /// <summary>Notes of this row that the batch takes.</summary>
    public List<long> Seqs { get; } = [];

    public long FirstSeq => Seqs.Count > 0 ? Seqs[0] : 0;

    public long AtMs { get; set; }
}

/// <summary>What a reference of a row meets.</summary>
internal enum ParentState
{
    /// <summary>The remote has shown the parent.</summary>
    Synced,

    /// <summary>Only this device has it; it is part of the same batch.</summary>
    InBatch,

    /// <summary>Its command has no verdict or is a dead letter: the child waits.</summary>
    Blocked,

    /// <summary>It is nowhere, and nothing announces it.</summary>
    Missing,
}

/// <summary>A reference of a touched row with what it meets.</summary>
internal sealed record ResolvedReference(Tidemark.Model.Entities.RelationEdge Edge, RowId? Parent, ParentState State);
