using Tidemark.Model.Values;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>Invariant 10: what the devices of one user write is never seen among the rows of another.</summary>
internal sealed class IsolationChecker(RandomSchema schema) : IChecker
{
    private readonly Dictionary<string, string> _owners = new(StringComparer.Ordinal);

    public string Name => "isolation";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case EditSeen edit:
                foreach (var row in edit.Facts.Made)
                {
                    _owners[row.Row] = edit.User;
                }

                break;
            case ServerSeen server:
                Check(server.User, "the server", server.Rows, violation);
                break;
            case Quiet quiet:
                foreach (var replica in quiet.Replicas)
                {
                    Check(replica.User, replica.Device, replica.Rows, violation);
                }

                break;
        }
    }

    private void Check(string user, string where, DatabaseImage rows, Action<string> violation)
    {
        foreach (var table in schema.Tables)
        {
            foreach (var row in rows.Rows(table))
            {
                if (_owners.TryGetValue(EditFacts.TagOf(table, row), out var owner) && owner != user)
                {
                    violation($"{where}: {table.Name} <{EditFacts.TagOf(table, row)}> of {owner} is among the rows of {user}");
                }
            }
        }
    }
}

/// <summary>Exactly once: a row that an app made once is there at most once. Rows that were not sent when a file was copied may come from both copies.</summary>
internal sealed class TwinChecker(RandomSchema schema) : IChecker
{
    private readonly Dictionary<string, HashSet<string>> _madeBy = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _unsent = new(StringComparer.Ordinal);
    private readonly HashSet<string> _onServer = new(StringComparer.Ordinal);
    private readonly HashSet<string> _excused = new(StringComparer.Ordinal);
    private readonly List<(string Former, string Now)> _replaced = [];
    private readonly Dictionary<(string Table, string Key), string> _under = [];

    public string Name => "twins";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case EditSeen edit:
                Made(edit.Device).UnionWith(edit.Facts.Made.Select(r => r.Row));
                NoteSharedKeys(edit.Facts.Made);

                // An edit elsewhere of the row under its former key may bring that one back.
                _excused.UnionWith(edit.Facts.Moved.Select(r => r.Row));
                _replaced.AddRange(edit.Facts.Replaced);
                break;
            case DeviceCloned clone:
                _excused.UnionWith(Made(clone.From).Except(_onServer));
                Made(clone.Device).UnionWith(Made(clone.From));
                break;
            case CopyKept copy:
                Unsent(copy.Device).UnionWith(Made(copy.Device).Except(_onServer));
                break;
            case FileReplaced file:
                // What waits in the copy that takes its place is sent, whether or not it was sent before.
                _excused.UnionWith(Made(file.Device).Except(_onServer).Concat(Unsent(file.Device)));
                break;
            case ServerRestored:
                _onServer.Clear();
                break;
            case ServerCompacted:
                // A CREATE whose answer was lost is made again when its verdict is past the retention.
                _excused.UnionWith(_onServer);
                break;
            case ServerSeen server:
                _onServer.UnionWith(schema.Tables.SelectMany(t => server.Rows.Rows(t).Select(r => EditFacts.TagOf(t, r))));
                break;
            case Quiet quiet:
                ExcuseReplaced();

                // Not before: a row that is made anew under another key and its former self go in two commands.
                foreach (var replica in quiet.Replicas)
                {
                    Check(replica.Device.Length == 0 ? "the server" : replica.Device, replica.Rows, violation);
                }

                break;
        }
    }

    // Where two that use one key mean one row, each knows it by the tag it made it with: it may be given another key under the one and edited under the other.
    private void NoteSharedKeys(IReadOnlyList<RowFact> made)
    {
        foreach (var row in made.Where(r => schema.Tables.First(t => t.Name == r.Table).KeyIsIdentity))
        {
            if (_under.TryGetValue((row.Table, row.Key), out var other))
            {
                _replaced.Add((other, row.Row));
            }

            _under[(row.Table, row.Key)] = row.Row;
        }
    }

    // Whoever replaced the content of a renamed row under its former key meant that row: both go with the rename.
    private void ExcuseReplaced()
    {
        for (var before = -1; before != _excused.Count;)
        {
            before = _excused.Count;
            foreach (var (former, now) in _replaced.Where(r => _excused.Contains(r.Former) || _excused.Contains(r.Now)))
            {
                _excused.Add(former);
                _excused.Add(now);
            }
        }
    }

    private HashSet<string> Unsent(string device) => _unsent.TryGetValue(device, out var tags) ? tags : _unsent[device] = new HashSet<string>(StringComparer.Ordinal);

    private HashSet<string> Made(string device) => _madeBy.TryGetValue(device, out var tags) ? tags : _madeBy[device] = new HashSet<string>(StringComparer.Ordinal);

    private void Check(string where, DatabaseImage rows, Action<string> violation)
    {
        foreach (var table in schema.Tables)
        {
            var tags = new HashSet<string>(StringComparer.Ordinal);
            foreach (var row in rows.Rows(table))
            {
                var tag = EditFacts.TagOf(table, row);
                if (!tags.Add(tag) && !_excused.Contains(tag))
                {
                    violation($"{where}: {table.Name} <{tag}> is there twice");
                }
            }
        }
    }
}

/// <summary>When faults have ended all replicas are equal, row by row; nothing waits for anything that will not come.</summary>
internal sealed class ConvergenceChecker(RandomSchema schema) : IChecker
{
    public string Name => "convergence";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case Quiet quiet:
                foreach (var replica in quiet.Replicas.Where(r => r.Books is { DeadLetters: 0 } b && (b.AsideForNow > 0 || (b.Waiting > 0 && b.Aside == b.AsideForNow))))
                {
                    violation($"{replica.Device}: {replica.Books!.Waiting} wait and {replica.Books.Aside} are put aside, and nothing is refused that they could wait for ({string.Join("; ", replica.OpenRows)})");
                }

                Compare(quiet.Replicas, r => r.OpenTypes.Count == 0, violation);
                break;
            case Settled settled:
                foreach (var replica in settled.Replicas.Where(r => r.Books is { } b && (b.AsideForNow > 0 || b.DeadLetters > 0 || (b.Waiting > 0 && b.Aside == b.AsideForNow))))
                {
                    violation($"{replica.Device}: after everything was discarded {replica.Books!.Waiting} wait, {replica.Books.Aside} are put aside and {replica.Books.DeadLetters} are refused ({string.Join("; ", replica.OpenRows)})");
                }

                Compare(settled.Replicas, static r => r.Books is not { } b || b.Aside == b.AsideForNow, violation);
                break;
        }
    }

    private void Compare(IReadOnlyList<ReplicaAtRest> replicas, Func<ReplicaAtRest, bool> which, Action<string> violation)
    {
        foreach (var device in replicas.Where(r => r.Device.Length > 0 && which(r)))
        {
            var server = replicas.Single(r => r.Device.Length == 0 && r.User == device.User);
            foreach (var table in schema.Tables)
            {
                if (Difference(table, device.Rows.Rows(table), server.Rows.Rows(table)) is { } difference)
                {
                    violation($"{device.Device} differs from the server in {table.Name}: {difference}");
                }
            }
        }
    }

    private static string? Difference(TableShape table, IReadOnlyList<Value[]> device, IReadOnlyList<Value[]> server)
    {
        var left = device.ToDictionary(r => EditFacts.KeyOf(table, r), StringComparer.Ordinal);
        foreach (var row in server)
        {
            var key = EditFacts.KeyOf(table, row);
            if (!left.Remove(key, out var own))
            {
                return $"{key} <{EditFacts.TagOf(table, row)}> is only on the server";
            }

            if (!own.AsSpan().SequenceEqual(row))
            {
                return $"{key} is ({string.Join(", ", own.Select(v => v.ToString()))}) here and ({string.Join(", ", row.Select(v => v.ToString()))}) there";
            }
        }

        return left.Count == 0 ? null : $"{left.Keys.Order(StringComparer.Ordinal).First()} is only here";
    }
}
