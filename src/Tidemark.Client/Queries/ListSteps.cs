namespace Tidemark.Client.Queries;

/// <summary>What is done to a list.</summary>
internal enum ListStepKind
{
    Insert,
    Move,
    Remove,
    Replace,
}

/// <summary>One step from one list to another.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Index">Where; of a move, where to.</param>
/// <param name="From">Of a move, where from.</param>
/// <param name="Item">What comes; of a removal, what went.</param>
/// <param name="Former">Of a replacement, what was there.</param>
internal readonly record struct ListStep<T>(ListStepKind Kind, int Index, int From, T Item, T? Former);

/// <summary>The fewest steps from one list to another: what stays in order is never moved (its longest rising part is kept), every other row is moved once. Pure.</summary>
internal static class ListSteps
{
    /// <summary>Changes <paramref name="current"/> into <paramref name="wanted"/>, one step at a time; each is carried out before it is yielded.</summary>
    public static IEnumerable<ListStep<T>> Apply<T, TKey>(List<T> current, IReadOnlyList<T> wanted, Func<T, TKey> key)
        where TKey : notnull
    {
        var places = new Dictionary<TKey, int>(wanted.Count);
        for (var i = 0; i < wanted.Count; i++)
        {
            if (!places.TryAdd(key(wanted[i]), i))
            {
                throw new InvalidOperationException($"The key {key(wanted[i])} stands twice in the result.");
            }
        }

        for (var i = current.Count - 1; i >= 0; i--)
        {
            if (!places.ContainsKey(key(current[i])))
            {
                var gone = current[i];
                current.RemoveAt(i);
                yield return new ListStep<T>(ListStepKind.Remove, i, 0, gone, default);
            }
        }

        foreach (var step in Arrange(current, wanted, key, places))
        {
            yield return step;
        }

        for (var i = 0; i < wanted.Count; i++)
        {
            if (!EqualityComparer<T>.Default.Equals(current[i], wanted[i]))
            {
                var former = current[i];
                current[i] = wanted[i];
                yield return new ListStep<T>(ListStepKind.Replace, i, 0, wanted[i], former);
            }
        }
    }

    // Each row is put right behind the one that precedes it; rows that keep their place only move the finger on.
    private static IEnumerable<ListStep<T>> Arrange<T, TKey>(List<T> current, IReadOnlyList<T> wanted, Func<T, TKey> key, Dictionary<TKey, int> places)
        where TKey : notnull
    {
        var present = current.ConvertAll(item => places[key(item)]);
        var kept = LongestRising(present);
        var known = present.ToHashSet();
        var finger = -1;
        for (var place = 0; place < wanted.Count; place++)
        {
            if (kept.Contains(place))
            {
                do
                {
                    finger++;
                }
                while (present[finger] != place);
                continue;
            }

            if (!known.Contains(place))
            {
                finger++;
                current.Insert(finger, wanted[place]);
                present.Insert(finger, place);
                yield return new ListStep<T>(ListStepKind.Insert, finger, 0, wanted[place], default);
                continue;
            }

            var from = present.IndexOf(place);
            var item = current[from];
            current.RemoveAt(from);
            present.RemoveAt(from);
            finger = from <= finger ? finger : finger + 1;
            current.Insert(finger, item);
            present.Insert(finger, place);
            if (from != finger)
            {
                yield return new ListStep<T>(ListStepKind.Move, finger, from, item, default);
            }
        }
    }

    private static HashSet<int> LongestRising(List<int> values)
    {
        var tails = new List<int>();
        var before = new int[values.Count];
        for (var i = 0; i < values.Count; i++)
        {
            var (low, high) = (0, tails.Count);
            while (low < high)
            {
                var middle = (low + high) / 2;
                (low, high) = values[tails[middle]] < values[i] ? (middle + 1, high) : (low, middle);
            }

            before[i] = low > 0 ? tails[low - 1] : -1;
            if (low == tails.Count)
            {
                tails.Add(i);
            }
            else
            {
                tails[low] = i;
            }
        }

        var kept = new HashSet<int>();
        for (var i = tails.Count > 0 ? tails[^1] : -1; i >= 0; i = before[i])
        {
            kept.Add(values[i]);
        }

        return kept;
    }
}
