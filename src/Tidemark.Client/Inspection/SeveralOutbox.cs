using Tidemark.Client.Coordination.Several;
using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;

namespace Tidemark.Client.Inspection;

/// <summary>What each of several remotes lacks, and what it waits for.</summary>
internal static class SeveralOutbox
{
    public static IEnumerable<OutboxItem> Read(StoreSession session, int limit)
    {
        var book = new JoinBook(session);
        var quarantine = new QuarantineRepository(session.Db);
        var waiting = WaitingEdits.Read(session).ToDictionary(w => (w.Type, w.Key), w => w.Rule);
        var backends = new BackendRepository(session.Db).ReadAll();
        return book.ReadOwed(limit).Select(owed =>
        {
            var row = book.TypeOf(owed.Type) is { } type ? book.ReadJoined(type, StoreSession.KeyFrom(type, owed.Key)) : null;
            var backend = backends.Single(b => b.Id == owed.Backend);
            var why = owed.Message
                ?? (quarantine.Find(owed.Backend, owed.Type, owed.Key) is { } unread ? $"What is there is in quarantine ({unread.Cause}): it is not written over."
                : waiting.TryGetValue((owed.Type, owed.Key), out var rule) ? $"{rule} decides when all remotes are there, or by a person."
                : backend.Question ?? backend.Trouble);
            return new OutboxItem(owed.Code is null ? "OWED" : "REFUSED", owed.Type, owed.Key, row is { IsDeleted: true } ? "DELETE" : "WRITE", TimeOf(row?.Newest ?? Stamp.Zero), 0, owed.Code, why, null, 0) { Remote = backend.Name };
        });
    }

    public static DateTimeOffset TimeOf(Stamp stamp) => DateTimeOffset.FromUnixTimeMilliseconds(stamp.Ms);
}
