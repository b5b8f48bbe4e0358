namespace Tidemark.Model.Merging;

/// <summary>A part of a three-way comparison.</summary>
/// <param name="Agreed">What stands there when at most one side changed it, or both did alike; null when both changed it to different things.</param>
/// <param name="Base">The part in the base.</param>
/// <param name="Local">The part here.</param>
/// <param name="Remote">The part of the server.</param>
internal readonly record struct Chunk(IReadOnlyList<string>? Agreed, IReadOnlyList<string> Base, IReadOnlyList<string> Local, IReadOnlyList<string> Remote);

/// <summary>Cuts three sequences where all of them agree, as diff3 does.</summary>
internal static class Diff3
{
    public static IEnumerable<Chunk> Chunks(string[] @base, string[] local, string[] remote)
    {
        var toLocal = SequenceDiff.Match(@base, local);
        var toRemote = SequenceDiff.Match(@base, remote);
        var (b, l, r) = (0, 0, 0);
        while (b < @base.Length || l < local.Length || r < remote.Length)
        {
            var stable = b;
            while (stable < @base.Length && (toLocal[stable] < 0 || toRemote[stable] < 0))
            {
                stable++;
            }

            var (localEnd, remoteEnd) = stable < @base.Length ? (toLocal[stable], toRemote[stable]) : (local.Length, remote.Length);
            if (stable > b || localEnd > l || remoteEnd > r)
            {
                yield return Changed(new ArraySegment<string>(@base, b, stable - b), new ArraySegment<string>(local, l, localEnd - l), new ArraySegment<string>(remote, r, remoteEnd - r));
            }

            (b, l, r) = (stable, localEnd, remoteEnd);
            var run = 0;
            while (b + run < @base.Length && toLocal[b + run] == l + run && toRemote[b + run] == r + run)
            {
                run++;
            }

            if (run > 0)
            {
                var same = new ArraySegment<string>(@base, b, run);
                yield return new Chunk(same, same, same, same);
                (b, l, r) = (b + run, l + run, r + run);
            }
        }
    }

    private static Chunk Changed(ArraySegment<string> @base, ArraySegment<string> local, ArraySegment<string> remote)
    {
        IReadOnlyList<string>? agreed = null;
        if (Same(local, remote) || Same(remote, @base))
        {
            agreed = local;
        }
        else if (Same(local, @base))
        {
            agreed = remote;
        }

        return new Chunk(agreed, @base, local, remote);
    }

    private static bool Same(ArraySegment<string> a, ArraySegment<string> b) => a.AsSpan().SequenceEqual(b.AsSpan());
}
