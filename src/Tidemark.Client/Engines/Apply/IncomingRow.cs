using Tidemark.Client.Storage;
using Tidemark.Model;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>A row version of the remote on its way into the tables: from a page, from a verdict, or tried again.</summary>
/// <param name="Table">Its table.</param>
/// <param name="Key">The server's key.</param>
/// <param name="Version">The row version; of the tombstone for a deletion.</param>
/// <param name="Row">The row; null for a deletion.</param>
/// <param name="Origin">Who made it, when known.</param>
/// <param name="Raw">The change as it came, kept when it must be put aside.</param>
internal sealed record IncomingRow(EntityTable Table, EntityKey Key, long Version, Row? Row, ChangeOrigin? Origin, ReadOnlyMemory<byte> Raw)
{
    /// <summary>A verdict on our own command: applied whatever version was known before.</summary>
    public bool FromVerdict { get; init; }

    /// <summary>The command the verdict was on.</summary>
    public Guid? Command { get; init; }

    /// <summary>The verdict was a conflict: when a person must decide, the command waits for it as a dead letter.</summary>
    public bool IsRefused { get; init; }

    /// <summary>The row was rebased as often as it may be.</summary>
    public bool IsOutOfRebases { get; init; }

    /// <summary>REMOVE: no longer visible here; no deletion is remembered.</summary>
    public bool Removed { get; init; }

    /// <summary>Where the row stands here by a change of its key that the remote has not taken; null when unknown or nowhere else.</summary>
    public EntityKey? RenamedTo { get; init; }

    /// <summary>The verdict is on a deletion: what stands here under the key was made since.</summary>
    public bool MadeAgain { get; init; }

    /// <summary>The verdict is on an offer of what a restored server may have lost.</summary>
    public bool IsOffer { get; init; }

    /// <summary>The verdict is on the offer of a deletion: like a page, it says nothing of what stands here under the key, or is on its way.</summary>
    public bool IsOfLostDeletion { get; init; }

    /// <summary>A verdict on what stands here under the key.</summary>
    public bool IsOfLocalRow => FromVerdict && !IsOfLostDeletion;

    /// <summary>The CREATE that got the row its id from the remote; null when it did not say.</summary>
    public Guid? MadeBy { get; init; }

    /// <summary>Of a row that was offered after a restore: the version its content had before.</summary>
    public long? ContentVersion { get; init; }

    /// <summary>What was put aside, to be tried again; null when it cannot be read.</summary>
    public static IncomingRow? FromAside(StoreSession session, AsideRow aside)
    {
        var change = ChangesPage.ReadChange(aside.Raw, session.Model);
        return change.Fault is not null || change.Type is null ? null
            : new IncomingRow(session.Table(change.Type), change.Key, change.Version, change.Row, change.Origin, change.Raw)
            {
                Removed = change.Row is null && change.Operation == Operation.Remove,
                MadeBy = change.MadeBy,
                ContentVersion = change.ContentVersion,
            };
    }

    /// <summary>The change as it came; of one that no page brought, as a page would.</summary>
    public byte[] ToUtf8() => Raw.Length > 0
        ? Raw.ToArray()
        : ChangesPageWriter.One(Table.Type, Row is null ? Operation.Delete : Operation.Update, Key, Version, Origin, Row, MadeBy, ContentVersion).Utf8.ToArray();

    public RowId Id => new(Table.Number, Key);

    public EntityType Type =>
#if TIDEMARK_MUTANTS
        Mutants.Is(Mutant.PoliciesIgnoredInPull) && !FromVerdict && !IsRefused ? Table.Type with { Fields = [.. Table.Type.Fields.Select(f => f with { Policy = FieldPolicy.LastWriterWins })] } :
#endif
        Table.Type;
}

/// <summary>What became of an incoming row.</summary>
internal enum ApplyOutcome
{
    Applied,

    /// <summary>Merged with edits that were not sent yet.</summary>
    Merged,

    /// <summary>Older than, or the same as, what is known.</summary>
    Known,

    /// <summary>A person must decide; nothing was changed.</summary>
    Manual,

    /// <summary>Kept raw with its cause.</summary>
    PutAside,

    /// <summary>Another row holds its unique value; to be tried again together with others.</summary>
    Clash,
}
