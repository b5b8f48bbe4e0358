using System.Globalization;
using System.Text;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>An accepted command as it is remembered.</summary>
public sealed record AcceptedCommand(DateTimeOffset At, Guid Command, string Operation, string Key, long Version);

/// <summary>What the server accepted lately: one row for each answer, so that remembering costs next to nothing. Bounded by commands.</summary>
public sealed class AnswerRepository(StoreConnection db, int remote)
{
    private const int CommandsMax = 10_000;

    /// <summary>What was accepted in the transaction under way, with the row version.</summary>
    internal Dictionary<Guid, long> Latest { get; } = [];

    internal void Add(IEnumerable<(StoredCommand Command, long Version)> accepted, long nowMs)
    {
        var body = new StringBuilder();
        var count = 0;
        foreach (var (command, version) in accepted)
        {
            count++;
            Latest[command.Id] = version;
            body.Append(CultureInfo.InvariantCulture, $"\n{command.Type}\t{command.Key}\t{OperationNames.NameOf(command.Operation)}\t{version}\t{command.Id:N}");
        }

        if (count == 0)
        {
            return;
        }

        db.Execute("INSERT INTO _tm_answer(remote, at, count, body) VALUES(?1, ?2, ?3, ?4)", Value.Integer(remote), Value.Integer(nowMs), Value.Integer(count), Value.Text(body.Append('\n').ToString()));
        db.Execute(
            "DELETE FROM _tm_answer WHERE id < (SELECT min(id) FROM (SELECT id, sum(count) OVER (ORDER BY id DESC) AS behind FROM _tm_answer) WHERE behind <= ?1 OR id = (SELECT max(id) FROM _tm_answer))",
            Value.Integer(CommandsMax));
    }

    /// <summary>What was accepted of one row, the oldest first.</summary>
    public List<AcceptedCommand> ReadOf(int type, IReadOnlyCollection<string> keys)
    {
        var found = new List<AcceptedCommand>();
        foreach (var (at, body) in db.Query("SELECT at, body FROM _tm_answer WHERE remote = ?1 ORDER BY id", s => (s.ColumnInt64(0), s.Text(1)), Value.Integer(remote)))
        {
            foreach (var start in keys.Select(k => string.Create(CultureInfo.InvariantCulture, $"\n{type}\t{k}\t")))
            {
                for (var place = body.IndexOf(start, StringComparison.Ordinal); place >= 0; place = body.IndexOf(start, place + 1, StringComparison.Ordinal))
                {
                    var parts = body[(place + 1)..body.IndexOf('\n', place + 1)].Split('\t');
                    found.Add(new AcceptedCommand(DateTimeOffset.FromUnixTimeMilliseconds(at), Guid.ParseExact(parts[4], "N"), parts[2], parts[1], long.Parse(parts[3], CultureInfo.InvariantCulture)));
                }
            }
        }

        return found;
    }
}
