using Tidemark.Model.Values;

namespace Tidemark.Server;

/// <summary>Who asks; what the token says, never what a body says.</summary>
/// <param name="User">The user.</param>
/// <param name="IsAdministrator">May register models.</param>
public sealed record Caller(UserId User, bool IsAdministrator)
{
    /// <summary>The lease that the request names; null: none.</summary>
    public string? Lease { get; init; }

    /// <summary>The id of the token, by which it can be revoked; null: it has none.</summary>
    public string? TokenId { get; init; }

    /// <summary>When the token was made, in milliseconds since 1970; null: unknown.</summary>
    public long? IssuedAtMs { get; init; }
}
