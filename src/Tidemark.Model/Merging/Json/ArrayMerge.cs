using System.Text.Json;

namespace Tidemark.Model.Merging;

/// <summary>
/// Three canonical JSON arrays become one: what either side added is in it, what either side removed is not. Items are told apart by the
/// declared key, or are equal when they are the same JSON; the second of two equal ones is an item of its own. A keyed object that one side
/// removed and the other changed stays; one that both changed is merged member by member. The order is the server's, with the additions made
/// here behind the item they were put after; it is the order here when only this side moved items.
/// </summary>
internal static class ArrayMerge
{
    /// <summary>An item: what it is known by, and which of those with the same mark it is.</summary>
    private readonly record struct ItemId(string Mark, int Nth);

    public static string Merge(JsonElement @base, JsonElement local, JsonElement remote, string? key)
    {
        var (was, mine, theirs) = (Items(@base, key), Items(local, key), Items(remote, key));
        var kept = new Dictionary<ItemId, string>();
        foreach (var id in mine.Keys.Concat(theirs.Keys))
        {
            if (!kept.ContainsKey(id) && Item(Find(was, id), Find(mine, id), Find(theirs, id)) is { } value)
            {
                kept[id] = value;
            }
        }

        var order = !IsMoved(was, theirs) && IsMoved(was, mine) ? Order(mine, theirs, was, kept) : Order(theirs, mine, was, kept);
        return "[" + string.Join(',', order.Select(id => kept[id])) + "]";
    }

    private static string? Item(JsonElement? was, JsonElement? mine, JsonElement? theirs)
    {
        var (before, here, there) = (was?.GetRawText(), mine?.GetRawText(), theirs?.GetRawText());
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.ArrayRemovalIgnored) && (here is null || there is null))
        {
            return here ?? there;
        }
#endif
        if (string.Equals(here, there, StringComparison.Ordinal) || string.Equals(there, before, StringComparison.Ordinal))
        {
            return here;
        }

        if (string.Equals(here, before, StringComparison.Ordinal))
        {
            return there;
        }

        return mine is { } local && theirs is { } remote ? ObjectMerge.Merge("", was ?? default, local, remote, []) : here ?? there;
    }

    // The frame keeps its order; what only the other has goes behind the item it stands after there, and behind what the frame added at that place.
    private static LinkedList<ItemId> Order(OrderedDictionary<ItemId, JsonElement> frame, OrderedDictionary<ItemId, JsonElement> other, OrderedDictionary<ItemId, JsonElement> was, Dictionary<ItemId, string> kept)
    {
        var order = new LinkedList<ItemId>();
        var nodes = new Dictionary<ItemId, LinkedListNode<ItemId>>();
        foreach (var id in frame.Keys.Where(kept.ContainsKey))
        {
            nodes[id] = order.AddLast(id);
        }

        LinkedListNode<ItemId>? before = null;
        foreach (var id in other.Keys)
        {
            if (nodes.TryGetValue(id, out var node))
            {
                before = node;
            }
            else if (kept.ContainsKey(id))
            {
                var next = before is null ? order.First : before.Next;
                while (next is not null && !other.ContainsKey(next.Value) && !was.ContainsKey(next.Value))
                {
                    before = next;
                    next = next.Next;
                }

                before = nodes[id] = before is null ? order.AddFirst(id) : order.AddAfter(before, id);
            }
        }

        return order;
    }

    private static bool IsMoved(OrderedDictionary<ItemId, JsonElement> was, OrderedDictionary<ItemId, JsonElement> now) =>
        !was.Keys.Where(now.ContainsKey).SequenceEqual(now.Keys.Where(was.ContainsKey));

    private static OrderedDictionary<ItemId, JsonElement> Items(JsonElement array, string? key)
    {
        var items = new OrderedDictionary<ItemId, JsonElement>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var item in array.EnumerateArray())
        {
            var mark = key is not null && item.ValueKind == JsonValueKind.Object && item.TryGetProperty(key, out var value) ? "k" + value.GetRawText() : "v" + item.GetRawText();
            var nth = seen.GetValueOrDefault(mark);
            seen[mark] = nth + 1;
            items[new ItemId(mark, nth)] = item;
        }

        return items;
    }

    private static JsonElement? Find(OrderedDictionary<ItemId, JsonElement> items, ItemId id) => items.TryGetValue(id, out var item) ? item : null;
}
