using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Writing;

/// <summary>One key as the database has it and as the transaction leaves it.</summary>
internal sealed class RowEntry(TypeQueries type, EntityKey key)
{
    public TypeQueries Type => type;

    /// <summary>As it was first asked for; where collations fold, rows may spell it otherwise.</summary>
    public EntityKey Key => key;

    public bool IsLoaded { get; set; }

    /// <summary>It is among those that are read together.</summary>
    public bool IsPlanned { get; set; }

    public StoredRow? StoredRow { get; set; }

    public Tombstone? StoredGone { get; set; }

    public StoredRow? Row { get; set; }

    public Tombstone? Gone { get; set; }

    public bool IsDirty { get; set; }

    /// <summary>What the transaction has sent already.</summary>
    public StoredRow? Sent { get; set; }

    /// <summary>As a statement meets it: what was sent, or what was read.</summary>
    public StoredRow? Met => Sent ?? StoredRow;

    /// <summary>The database has no row of this key yet.</summary>
    public bool IsNew => Row is not null && Met is null;
}
