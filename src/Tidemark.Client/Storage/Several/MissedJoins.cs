using Tidemark.Model.Values;

namespace Tidemark.Client.Storage.Several;

/// <summary>Rows of a file with several remotes that are not as the app was last shown them, and have no note.</summary>
internal static class MissedJoins
{
    public static void Find(StoreSession session, EntityTable table, HashSet<EntityKey> noted, List<MissedChange> missed)
    {
        if (new MetaRepository(session.Db).Integer(JoinBook.TakeAll) != 0)
        {
            return; // The next cycle looks at every row.
        }

        var book = new JoinBook(session);
        var live = session.Db.Query($"SELECT {string.Join(", ", table.KeyColumns)} FROM {table.Name}", s => table.KeyAt(s, 0));
        foreach (var key in live.Where(k => !noted.Contains(k)))
        {
            try
            {
                if (table.ReadLive(session.Db, key) is { } row && book.ShownOf(table.Type, key, book.ReadJoined(table.Type, key)) is var shown && (shown is null || !shown.SameAs(row)))
                {
                    missed.Add(new MissedChange(table.Type.Name, key, shown is null ? MissedKind.New : MissedKind.Changed));
                }
            }
            catch (UnfitValueException)
            {
                missed.Add(new MissedChange(table.Type.Name, key, MissedKind.Changed)); // What is noted is not written over.
            }
        }

        var there = live.ToHashSet();
        missed.AddRange(book.ReadAllOf(table.Type).Where(r => !there.Contains(r.Key) && !noted.Contains(r.Key) && book.ShownOf(table.Type, r.Key, r) is not null)
            .Select(r => new MissedChange(table.Type.Name, r.Key, MissedKind.Vanished)));
    }
}
