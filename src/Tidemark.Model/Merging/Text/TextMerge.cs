namespace Tidemark.Model.Merging;

/// <summary>
/// Three texts become one: line by line, and word by word where both sides changed the same lines. Where both changed the same words, both
/// stay, the server's first. Without a base, what both texts share is taken for it.
/// </summary>
internal static class TextMerge
{
    /// <param name="base">The text both started from; empty when there was none.</param>
    /// <param name="local">The one here.</param>
    /// <param name="remote">The one of the server.</param>
    /// <param name="overlaps">In how many places both stay.</param>
    public static string Merge(string @base, string local, string remote, out int overlaps)
    {
        var (mine, theirs) = (local.Split('\n'), remote.Split('\n'));
        var was = @base.Length > 0 ? @base.Split('\n') : Shared(mine, theirs);
        var merged = new List<string>();
        overlaps = 0;
        foreach (var chunk in Diff3.Chunks(was, mine, theirs))
        {
            if (chunk.Agreed is { } agreed)
            {
                merged.AddRange(agreed);
            }
            else if (chunk.Base.Count == 0 || chunk.Local.Count == 0 || chunk.Remote.Count == 0)
            {
                overlaps++;
                Both(chunk.Local, chunk.Remote, merged);
            }
            else
            {
                merged.Add(Words(Join(chunk.Base), Join(chunk.Local), Join(chunk.Remote), ref overlaps));
            }
        }

        return string.Join('\n', merged);
    }

    private static string Words(string @base, string local, string remote, ref int overlaps)
    {
        var merged = new List<string>();
        foreach (var chunk in Diff3.Chunks(TextTokens.Of(@base), TextTokens.Of(local), TextTokens.Of(remote)))
        {
            if (chunk.Agreed is { } agreed)
            {
                merged.AddRange(agreed);
                continue;
            }

            overlaps++;
            Both(chunk.Local, chunk.Remote, merged, static (left, right) => TextTokens.Touch(left, right) ? " " : null);
        }

        return string.Concat(merged);
    }

    // What both put there in the same way at the start or the end stands once.
    private static void Both(IReadOnlyList<string> local, IReadOnlyList<string> remote, List<string> merged, Func<string, string, string?>? between = null)
    {
        var shortest = Math.Min(local.Count, remote.Count);
        var (start, end) = (0, 0);
        while (start < shortest && string.Equals(local[start], remote[start], StringComparison.Ordinal))
        {
            start++;
        }

        while (end < shortest - start && string.Equals(local[^(end + 1)], remote[^(end + 1)], StringComparison.Ordinal))
        {
            end++;
        }

        merged.AddRange(remote.Take(remote.Count - end));
        if (remote.Count - end > start && local.Count - end > start && between?.Invoke(remote[remote.Count - end - 1], local[start]) is { } gap)
        {
            merged.Add(gap);
        }

        merged.AddRange(local.Skip(start));
    }

    private static string[] Shared(string[] local, string[] remote)
    {
        var matches = SequenceDiff.Match(local, remote);
        return [.. local.Where((_, i) => matches[i] >= 0)];
    }

    private static string Join(IReadOnlyList<string> lines) => string.Join('\n', lines);
}
