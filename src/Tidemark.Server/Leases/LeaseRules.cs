#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Leases;

/// <summary>What became of asking for a lease.</summary>
/// <param name="Lease">The lease; null: denied.</param>
/// <param name="RetryAfterMs">When to ask again, when it was denied.</param>
internal readonly record struct LeaseAnswer(StoredLease? Lease, long RetryAfterMs);

/// <summary>
/// Who is admitted. Pure: the book and the time go in, the next book comes out. Free places go to the user who holds fewest, then to the one who was admitted longest
/// ago, then to who has waited longest: a user with many devices gets one turn among the users, not one for each device.
/// </summary>
internal sealed class LeaseRules(LeaseOptions options)
{
    /// <summary>How long a user's last admission orders those who wait.</summary>
    private const long ServedMs = 10 * 60 * 1000;

    public (List<StoredLease> Book, LeaseAnswer Answer) Ask(IEnumerable<StoredLease> before, UserId user, string device, Func<Guid> newId, long nowMs)
    {
        var book = Living(before, nowMs);
        if (book.Find(l => l.State == LeaseState.Held && IsOf(l, user, device)) is { } held)
        {
            // Its answer was lost, or the work begins again: the same place, from now on.
            var again = held with { Expires = nowMs + options.TimeMs };
            book[book.IndexOf(held)] = again;
            return (book, new LeaseAnswer(again, 0));
        }

        var place = book.Find(l => l.State == LeaseState.Waiting && IsOf(l, user, device)) ?? new StoredLease(newId(), user, device, LeaseState.Waiting, nowMs, 0);
        book.RemoveAll(l => l.Id == place.Id);
        if (book.Count(l => l.State == LeaseState.Waiting) >= options.WaitersMax)
        {
            return (book, new LeaseAnswer(null, options.RetryMaxMs));
        }

        book.Add(place);
        var free = options.LeasesMax - book.Count(l => l.State == LeaseState.Held);
#if TIDEMARK_MUTANTS
        free += Mutants.Is(Mutant.LeaseOverbooked) ? 1 : 0;
#endif
        var rank = Order(book).FindIndex(l => l.Id == place.Id);
        book.Remove(place);
        if (rank < free)
        {
            var lease = new StoredLease(newId(), user, device, LeaseState.Held, nowMs, nowMs + options.TimeMs);
            book.RemoveAll(l => l.State == LeaseState.Served && l.User == user);
            book.Add(new StoredLease(newId(), user, "", LeaseState.Served, nowMs, nowMs + ServedMs));
            book.Add(lease);
            return (book, new LeaseAnswer(lease, 0));
        }

        var retry = Math.Min(options.RetryMinMs * (rank - Math.Max(free, 0) + 1), options.RetryMaxMs);
        book.Add(place with { Expires = nowMs + retry + options.GraceMs });
        return (book, new LeaseAnswer(null, retry));
    }

    /// <summary>Null: the lease is not held any more.</summary>
    public (List<StoredLease> Book, StoredLease? Lease) Renew(IEnumerable<StoredLease> before, Guid id, UserId user, long nowMs)
    {
        var book = Living(before, nowMs);
        var index = book.FindIndex(l => l.State == LeaseState.Held && l.Id == id && l.User == user);
        if (index < 0)
        {
            return (book, null);
        }

        book[index] = book[index] with { Expires = nowMs + options.TimeMs };
        return (book, book[index]);
    }

    public static (List<StoredLease> Book, bool WasHeld) Release(IEnumerable<StoredLease> before, Guid id, UserId user, long nowMs)
    {
        var book = Living(before, nowMs);
        return (book, book.RemoveAll(l => l.Id == id && l.User == user && l.State != LeaseState.Served) > 0);
    }

    public static bool IsHeld(IEnumerable<StoredLease> book, Guid id, UserId user, long nowMs) =>
        book.Any(l => l.State == LeaseState.Held && l.Id == id && l.User == user && l.Expires > nowMs);

    private static List<StoredLease> Living(IEnumerable<StoredLease> book, long nowMs) => [.. book.Where(l => l.Expires > nowMs)];

    private static bool IsOf(StoredLease lease, UserId user, string device) => lease.User == user && string.Equals(lease.Device, device, StringComparison.Ordinal);

    // The order in which those who wait would be admitted, one place after the other.
    private static List<StoredLease> Order(List<StoredLease> book)
    {
        var held = book.Where(l => l.State == LeaseState.Held).GroupBy(l => l.User).ToDictionary(g => g.Key, g => g.Count());
        var served = book.Where(l => l.State == LeaseState.Served).ToDictionary(l => l.User, l => l.Since);
        var waiting = book.Where(l => l.State == LeaseState.Waiting).ToList();
        var order = new List<StoredLease>(waiting.Count);
        while (waiting.Count > 0)
        {
            var next = waiting.MinBy(l => (held.GetValueOrDefault(l.User), served.GetValueOrDefault(l.User), l.Since, l.Id))!;
            waiting.Remove(next);
            order.Add(next);
            held[next.User] = held.GetValueOrDefault(next.User) + 1;
        }

        return order;
    }
}
