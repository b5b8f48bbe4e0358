namespace Tidemark.Simulation.Checkers;

/// <summary>Tags of one row: a row whose content was replaced keeps its key, and an edit of the one is an edit of the other.</summary>
internal sealed class Aliases
{
    private readonly Dictionary<string, HashSet<string>> _all = new(StringComparer.Ordinal);

    public HashSet<string> this[string tag] => _all.TryGetValue(tag, out var all) ? all : [tag];

    public void Link(IReadOnlyList<(string Former, string Now)> replaced)
    {
        foreach (var (former, now) in replaced)
        {
            var all = this[former];
            all.UnionWith(this[now]);
            foreach (var tag in all)
            {
                _all[tag] = all;
            }
        }
    }
}
