using System.Security.Cryptography;
using System.Text;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>Freezes offers of rows that a restored server may have lost. All devices make the same command of the same row version.</summary>
internal sealed class OfferFreezer(StoreSession session, SyncEnvironment environment, PushOptions options, long claim)
{
    public int Freeze()
    {
        var ranks = session.Tables.ToDictionary(t => t.Number, t => session.Model.Graph.RankOf(t.Type));
        var frozen = 0;
        foreach (var offer in session.Offers.Read(ranks, options.BatchCommandsMax))
        {
            session.Offers.Drop(offer.Type, offer.Key);
            if (session.FindTable(offer.Type) is { } table && Store(table, offer.Key, offer.Version, offer.Deleted))
            {
                frozen++;
            }
        }

        return frozen;
    }

    /// <summary>The id of an offer: made of type, key and lost version alone, and the version of its content, where that is an older one.</summary>
    public static Guid IdOf(string type, string key, long version, long? content = null) =>
        new(SHA256.HashData(Encoding.UTF8.GetBytes($"offer\n{type}\n{key}\n{version}{(content is null ? "" : $"\n{content}")}")).AsSpan(0, 16), bigEndian: true);

    private bool Store(EntityTable table, string keyText, long version, bool deleted)
    {
        var key = StoreSession.KeyFrom(table.Type, keyText);
        Row? row = null;
        var entry = table.ReadEntry(session.Db, key, session.Remote);
        if (deleted ? entry is not null : entry?.Version != version)
        {
            return false; // The server has shown the row since: what was known before is nothing to offer any more.
        }

        if (!deleted)
        {
            row = session.BaseOf(table, key, entry, LiveRows.Read(session, table, key).Any);
            if (row is null)
            {
                return false;
            }
        }

        var content = session.Contents.Of(new RowId(table.Number, key), version) is var known && known != version ? known : (long?)null;
        var wire = new PushCommand
        {
            Id = IdOf(table.Type.Name, keyText, version, content),
            Type = table.Type,
            Operation = Operation.Offer,
            EntityId = key,
            BaseVersion = version,
            ContentVersion = content,
            Payload = row,
            OccurredAt = DateTimeOffset.UnixEpoch.AddTicks(version * 10),
        };
        if (session.Outbox.Find(wire.Id) is not null)
        {
            return false;
        }

        var payload = wire.ToUtf8();
        session.Outbox.Insert(
            new StoredCommand
            {
                Id = wire.Id,
                Type = table.Number,
                Key = keyText,
                Operation = Operation.Offer,
                Payload = payload,
                Hash = SHA256.HashData(payload),
                BaseVersion = version,
                Sent = row is null ? null : RowBytes.Of(row),
                Status = CommandStatus.Pending,
                Lost = new LostIds(session).OfOffer(table, key, row),
                StateUpdatedAtMs = environment.NowMs,
            },
            claim);
        return true;
    }
}
