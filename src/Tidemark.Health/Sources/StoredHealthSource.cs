using System.Buffers.Binary;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;

namespace Tidemark.Health.Sources;

/// <summary>The samples that imports brought into a file, as a source: its order is the order in which the file learned of them.</summary>
public sealed class StoredHealthSource(HealthStore store) : IHealthChangeSource
{
    /// <summary>What its anchors are kept under.</summary>
    public const string SourceName = "imported";

    public string Name => SourceName;

    public async ValueTask<IReadOnlyList<string>> GetTypesAsync(CancellationToken cancellationToken) =>
        await store.ReadAsync(store.Samples.Types, cancellationToken).ConfigureAwait(false);

    public async ValueTask<HealthChangePage> ReadAsync(string type, HealthAnchor? anchor, int limit, CancellationToken cancellationToken)
    {
        var after = anchor is null ? 0 : anchor.Bytes.Length == sizeof(long)
            ? BinaryPrimitives.ReadInt64BigEndian(anchor.Bytes.Span)
            : throw new HealthSourceException(HealthSourceTrouble.AnchorExpired, "The anchor is none of this source's.");
        var rows = await store.ReadAsync(() => store.Samples.Page(type, after, limit + 1), cancellationToken).ConfigureAwait(false);
        var hasMore = rows.Count > limit;
        if (hasMore)
        {
            rows.RemoveAt(limit);
        }

        // A sample that came and went before anybody read it is told of as deleted: another device may have sent it.
        var next = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(next, rows.Count == 0 ? after : rows[^1].Seq);
        return new HealthChangePage(
            [.. rows.Where(r => !r.IsDeleted).Select(r => r.Sample)],
            [.. rows.Where(r => r.IsDeleted).Select(r => new HealthDelete(r.Sample.Id, r.Sample.Type, r.Sample.Version))],
            new HealthAnchor(next),
            hasMore);
    }
}
