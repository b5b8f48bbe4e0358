namespace Tidemark.Model.Merging;

/// <summary>
/// Which items of one sequence are which of another: Myers' shortest edit script, bounded. Where the two differ in more than the bound, items
/// that stand once in each are taken for anchors, and where there is none everything counts as changed. So a text of a megabyte costs
/// milliseconds whatever was done to it.
/// </summary>
internal static class SequenceDiff
{
    private const int EditsMax = 400;
    private const int DepthMax = 6;

    /// <summary>For each item of <paramref name="a"/> the place of the same item in <paramref name="b"/>, or -1; rising.</summary>
    public static int[] Match(string[] a, string[] b)
    {
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        var (left, right) = (Numbered(a, numbers), Numbered(b, numbers));
        var matches = new int[a.Length];
        Array.Fill(matches, -1);
        Match(left, 0, left.Length, right, 0, right.Length, matches, 0);
        return matches;
    }

    private static void Match(int[] a, int aFrom, int aTo, int[] b, int bFrom, int bTo, int[] matches, int depth)
    {
        while (aFrom < aTo && bFrom < bTo && a[aFrom] == b[bFrom])
        {
            matches[aFrom++] = bFrom++;
        }

        while (aFrom < aTo && bFrom < bTo && a[aTo - 1] == b[bTo - 1])
        {
            matches[--aTo] = --bTo;
        }

        if (aFrom == aTo || bFrom == bTo || TryMyers(a, aFrom, aTo, b, bFrom, bTo, matches) || depth == DepthMax)
        {
            return;
        }

        var (lastA, lastB) = (aFrom, bFrom);
        var anchors = Anchors(a, aFrom, aTo, b, bFrom, bTo);
        foreach (var (x, y) in anchors)
        {
            Match(a, lastA, x, b, lastB, y, matches, depth + 1);
            matches[x] = y;
            (lastA, lastB) = (x + 1, y + 1);
        }

        if (anchors.Count > 0)
        {
            Match(a, lastA, aTo, b, lastB, bTo, matches, depth + 1);
        }
    }

    private static bool TryMyers(int[] a, int aFrom, int aTo, int[] b, int bFrom, int bTo, int[] matches)
    {
        var (n, m) = (aTo - aFrom, bTo - bFrom);
        var max = Math.Min(EditsMax, n + m);
        if (Math.Abs(n - m) > max)
        {
            return false;
        }

        var reach = new int[(2 * max) + 3];
        var trace = new List<int[]>();
        for (var edits = 0; edits <= max; edits++)
        {
            for (var k = -edits; k <= edits; k += 2)
            {
                var x = k == -edits || (k != edits && reach[max + k] < reach[max + k + 2]) ? reach[max + k + 2] : reach[max + k] + 1;
                var y = x - k;
                while (x < n && y < m && a[aFrom + x] == b[bFrom + y])
                {
                    x++;
                    y++;
                }

                reach[max + k + 1] = x;
                if (x >= n && y >= m)
                {
                    WalkBack(aFrom, bFrom, matches, trace, edits, (n, m));
                    return true;
                }
            }

            trace.Add(reach.AsSpan(max + 1 - edits, (2 * edits) + 1).ToArray());
        }

        return false;
    }

    // From the end: each step is one edit, and the items passed on the diagonal behind it match. The trace of an edit count holds its own diagonals only.
    private static void WalkBack(int aFrom, int bFrom, int[] matches, List<int[]> trace, int edits, (int X, int Y) end)
    {
        var (x, y) = end;
        for (var d = edits; d > 0; d--)
        {
            var former = trace[d - 1];
            int At(int diagonal) => diagonal < -(d - 1) || diagonal > d - 1 ? -1 : former[diagonal + d - 1];
            var k = x - y;
            var isInsert = k == -d || (k != d && At(k - 1) < At(k + 1));
            var (fromX, fromK) = isInsert ? (At(k + 1), k + 1) : (At(k - 1), k - 1);
            var (startX, startY) = isInsert ? (fromX, fromX - fromK + 1) : (fromX + 1, fromX - fromK);
            while (x > startX && y > startY)
            {
                matches[aFrom + --x] = bFrom + --y;
            }

            (x, y) = (fromX, fromX - fromK);
        }

        while (x > 0 && y > 0)
        {
            matches[aFrom + --x] = bFrom + --y;
        }
    }

    // Items that stand once in each, in the longest run that rises in both.
    private static List<(int A, int B)> Anchors(int[] a, int aFrom, int aTo, int[] b, int bFrom, int bTo)
    {
        var places = new Dictionary<int, (int A, int B)>(); // -1: not seen; -2: more than once
        for (var i = aFrom; i < aTo; i++)
        {
            places[a[i]] = places.ContainsKey(a[i]) ? (-2, -1) : (i, -1);
        }

        for (var i = bFrom; i < bTo; i++)
        {
            if (places.TryGetValue(b[i], out var place) && place.A >= 0)
            {
                places[b[i]] = (place.A, place.B == -1 ? i : -2);
            }
        }

        var pairs = Enumerable.Range(aFrom, aTo - aFrom).Select(i => places[a[i]]).Where(p => p is { A: >= 0, B: >= 0 }).ToList();
        return Rising(pairs);
    }

    private static List<(int A, int B)> Rising(List<(int A, int B)> pairs)
    {
        var tails = new List<int>();
        var former = new int[pairs.Count];
        for (var i = 0; i < pairs.Count; i++)
        {
            var (low, high) = (0, tails.Count);
            while (low < high)
            {
                var middle = (low + high) / 2;
                (low, high) = pairs[tails[middle]].B < pairs[i].B ? (middle + 1, high) : (low, middle);
            }

            former[i] = low == 0 ? -1 : tails[low - 1];
            if (low == tails.Count)
            {
                tails.Add(i);
            }
            else
            {
                tails[low] = i;
            }
        }

        var rising = new List<(int A, int B)>();
        for (var i = tails.Count == 0 ? -1 : tails[^1]; i >= 0; i = former[i])
        {
            rising.Add(pairs[i]);
        }

        rising.Reverse();
        return rising;
    }

    private static int[] Numbered(string[] items, Dictionary<string, int> numbers)
    {
        var numbered = new int[items.Length];
        for (var i = 0; i < items.Length; i++)
        {
            if (!numbers.TryGetValue(items[i], out var number))
            {
                numbers[items[i]] = number = numbers.Count;
            }

            numbered[i] = number;
        }

        return numbered;
    }
}
