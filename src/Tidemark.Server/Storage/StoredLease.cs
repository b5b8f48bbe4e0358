using Tidemark.Model.Values;

namespace Tidemark.Server.Storage;

/// <summary>What a line of the lease book is.</summary>
public enum LeaseState
{
    /// <summary>Admitted: bulk work may be done until it expires.</summary>
    Held,

    /// <summary>Denied, and told when to ask again: its place is kept until it expires.</summary>
    Waiting,

    /// <summary>When the user was admitted last; it orders those who wait.</summary>
    Served,
}

/// <summary>One line of the lease book. Times are milliseconds since 1970.</summary>
/// <param name="Id">The lease's id; of the other states a number of the line's own.</param>
/// <param name="User">Whose it is.</param>
/// <param name="Device">Which device; empty for <see cref="LeaseState.Served"/>.</param>
/// <param name="State">What it is.</param>
/// <param name="Since">Since when.</param>
/// <param name="Expires">Until when.</param>
public sealed record StoredLease(Guid Id, UserId User, string Device, LeaseState State, long Since, long Expires);
