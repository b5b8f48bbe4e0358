using Tidemark.Model.Values;

namespace Tidemark.Server.Access;

/// <summary>One line of a user's access book.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Id">Which of them.</param>
/// <param name="Value">What is known of it.</param>
/// <param name="Expires">When it may be forgotten, in milliseconds since 1970; 0: never.</param>
public readonly record struct AccessEntry(string Kind, string Id, string Value, long Expires);

/// <summary>Where access books lie: one for each user, under the user's own space, small, and the same for all nodes.</summary>
public interface IAccessStore
{
    /// <summary>The book as it is now; empty when there is none.</summary>
    ValueTask<IReadOnlyList<AccessEntry>> ReadAccessAsync(SpaceId space, CancellationToken cancellationToken);

    /// <summary>Changes a book: one change at a time, all nodes together. What comes back is the book from now on.</summary>
    ValueTask<T> ChangeAccessAsync<T>(SpaceId space, Func<IReadOnlyList<AccessEntry>, (IReadOnlyList<AccessEntry> Book, T Result)> change, CancellationToken cancellationToken);

    /// <summary>The lines of one kind of all books, by space and id in ordinal order. For administration: it goes through all spaces.</summary>
    ValueTask<IReadOnlyList<(SpaceId Space, AccessEntry Entry)>> ReadAccessOfKindAsync(string kind, CancellationToken cancellationToken);

    /// <summary>The spaces that have a book, in ordinal order.</summary>
    ValueTask<IReadOnlyList<SpaceId>> GetAccessSpacesAsync(CancellationToken cancellationToken);
}
