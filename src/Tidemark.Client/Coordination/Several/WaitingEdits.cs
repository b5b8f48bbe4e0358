using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination.Several;

/// <summary>Edits that no remote has seen yet because their rule decides only when all remotes are there, or by a person.</summary>
internal static class WaitingEdits
{
    public static List<(string Type, string Key, string Rule)> Read(StoreSession session)
    {
        var judgement = new Judgement(session.Merges);
        var waiting = new List<(string, string, string)>();
        if (!session.Model.Entities.Any(judgement.Concerns) || !SeveralSchema.Exists(session.Db))
        {
            return waiting;
        }

        var book = new JoinBook(session);
        var node = book.ReadClock().Node;
        foreach (var type in session.Model.Entities.Where(judgement.Concerns))
        {
            foreach (var key in session.Db.Query("SELECT DISTINCT key FROM _tm_owed WHERE type = ?1 AND code IS NULL ORDER BY key", s => s.Text(0), Value.Text(type.Name)))
            {
                if (book.ReadJoined(type, StoreSession.KeyFrom(type, key)) is { } row && judgement.Pending(row, node, book.ReadShadows(type, row.Key)) is { Count: > 0 } pending)
                {
                    waiting.Add((type.Name, key, judgement.RuleOf(type, pending[0])));
                }
            }
        }

        return waiting;
    }
}
