using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Changes;

/// <summary>Single rows and digests of all rows, from one snapshot.</summary>
internal static class RowsService
{
    public static async Task<IReadOnlyList<WireChange>> ReadAsync(IStoreSnapshot snapshot, EntityType type, IReadOnlyList<RawJson> ids, Func<Row, Row?>? show, CancellationToken cancellationToken)
    {
        var found = new List<WireChange>();
        foreach (var id in ids)
        {
            var key = KeyOf(type, id);
            if (await snapshot.FindRowAsync(type, key, cancellationToken).ConfigureAwait(false) is { } row)
            {
                var shown = show is null ? row.Row : show(row.Row);
                found.Add(Change(type, shown is null ? Operation.Remove : Operation.Update, id, row.Version, shown));
            }
            else if (await snapshot.FindTombstoneAsync(type, key, cancellationToken).ConfigureAwait(false) is { } tombstone)
            {
                found.Add(Change(type, Operation.Delete, id, tombstone.Version, null));
            }
        }

        return found;
    }

    public static async Task<IReadOnlyDictionary<string, TypeChecksum>> ChecksumsAsync(IStoreSnapshot snapshot, SyncModel model, ChecksumsRequest request, int listedMax, Func<Row, Row?>? show, CancellationToken cancellationToken)
    {
        var checksums = new SortedDictionary<string, TypeChecksum>(StringComparer.Ordinal);
        foreach (var type in model.Entities.Where(e => request.EntityTypes is not { Count: > 0 } types || types.Contains(e.Name, StringComparer.Ordinal)))
        {
            using var checksum = new TypeScan(type, request.RangeBits, request.Within, listedMax);
            await snapshot.ScanAsync(
                type,
                row =>
                {
                    if ((show is null ? row : show(row)) is { } shown)
                    {
                        checksum.Add(shown);
                    }
                },
                cancellationToken).ConfigureAwait(false);
            checksums[type.Name] = checksum.Result();
        }

        return checksums;
    }

    private static EntityKey KeyOf(EntityType type, RawJson id)
    {
        try
        {
            var reader = new Utf8JsonReader(id.Utf8.Span);
            reader.Read();
            return WireRow.ReadKey(type, ref reader);
        }
        catch (WireFormatException e)
        {
            throw Problems.Of(ErrorCodes.BadRequest, e.Message, e);
        }
    }

    private static WireChange Change(EntityType type, Operation operation, RawJson id, long version, Row? row) => new()
    {
        EntityType = type.Name,
        Operation = OperationNames.NameOf(operation),
        EntityId = id,
        Version = version,
        ChangedAt = WireTime.OfPosition(version),
        Row = row is null ? null : Push.Verdicts.RowOf(row),
    };
}
