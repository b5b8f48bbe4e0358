using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Engines.Push;

/// <summary>
/// The order of a batch. What must stand before what is a graph; its strongly connected sets (swaps, cycles, a deletion
/// with its children) become groups, and the groups are sorted so that every command stands behind what it needs.
/// Among free ones: CREATEs parents first, then UPDATEs, then DELETEs children first, then by first touch.
/// </summary>
internal static class CommandOrder
{
    public static List<PlannedCommand> Arrange(SyncModel model, List<PlannedCommand> commands)
    {
        commands.Sort((a, b) => Compare(model, a, b));
        if (commands.TrueForAll(c => c.After.Count == 0))
        {
            return commands;
        }

        var order = new List<PlannedCommand>(commands.Count);
        foreach (var set in new Tarjan(commands).Sets())
        {
            if (set.Count > 1)
            {
                set.Sort((a, b) => Compare(model, a, b));
                foreach (var member in set)
                {
                    member.GroupLeader = set[0];
                }
            }

            order.AddRange(set);
        }

        return order;
    }

    private static int Compare(SyncModel model, PlannedCommand a, PlannedCommand b)
    {
        var byPhase = Phase(a.Operation).CompareTo(Phase(b.Operation));
        if (byPhase != 0)
        {
            return byPhase;
        }

        var byRank = model.Graph.RankOf(a.Row.Table.Type).CompareTo(model.Graph.RankOf(b.Row.Table.Type));
        if (byRank != 0)
        {
            return a.Operation == Operation.Delete ? -byRank : byRank;
        }

        var byTouch = a.Row.FirstSeq.CompareTo(b.Row.FirstSeq);
        return byTouch != 0 ? byTouch : a.Row.Key.CompareTo(b.Row.Key);
    }

    private static int Phase(Operation operation) => operation switch
    {
        Operation.Rekey => 0,
        Operation.Create => 1,
        Operation.Update => 2,
        _ => 3,
    };

    // Tarjan's algorithm without recursion; sets come out with what they need before them.
    private sealed class Tarjan(List<PlannedCommand> commands)
    {
        private readonly Dictionary<PlannedCommand, int> _index = new(ReferenceEqualityComparer.Instance);
        private readonly Dictionary<PlannedCommand, int> _low = new(ReferenceEqualityComparer.Instance);
        private readonly HashSet<PlannedCommand> _onStack = new(ReferenceEqualityComparer.Instance);
        private readonly Stack<PlannedCommand> _stack = new();
        private readonly List<List<PlannedCommand>> _sets = [];
        private readonly HashSet<PlannedCommand> _known = new(commands, ReferenceEqualityComparer.Instance);

        public List<List<PlannedCommand>> Sets()
        {
            foreach (var command in commands)
            {
                if (!_index.ContainsKey(command))
                {
                    Visit(command);
                }
            }

            return _sets;
        }

        private void Visit(PlannedCommand root)
        {
            var path = new Stack<(PlannedCommand Command, int Next)>();
            Enter(root, path);
            while (path.Count > 0)
            {
                var (command, next) = path.Pop();
                if (next < command.After.Count)
                {
                    path.Push((command, next + 1));
                    var needed = command.After[next];
                    if (!_index.TryGetValue(needed, out var index))
                    {
                        if (_known.Contains(needed))
                        {
                            Enter(needed, path);
                        }
                    }
                    else if (_onStack.Contains(needed))
                    {
                        _low[command] = Math.Min(_low[command], index);
                    }

                    continue;
                }

                Leave(command);
                if (path.Count > 0)
                {
                    var parent = path.Peek().Command;
                    _low[parent] = Math.Min(_low[parent], _low[command]);
                }
            }
        }

        private void Enter(PlannedCommand command, Stack<(PlannedCommand, int)> path)
        {
            _index[command] = _low[command] = _index.Count;
            _stack.Push(command);
            _onStack.Add(command);
            path.Push((command, 0));
        }

        private void Leave(PlannedCommand command)
        {
            if (_low[command] != _index[command])
            {
                return;
            }

            var set = new List<PlannedCommand>();
            PlannedCommand member;
            do
            {
                member = _stack.Pop();
                _onStack.Remove(member);
                set.Add(member);
            }
            while (!ReferenceEquals(member, command));
            _sets.Add(set);
        }
    }
}
