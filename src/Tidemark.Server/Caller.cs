using Tidemark.Model.Values;

namespace Tidemark.Server;

/// <summary>Who asks; what the token says, never what a body says.</summary>
/// <param name="User">The user.</param>
/// <param name="IsAdministrator">May register models.</param>
public sealed record Caller(UserId User, bool IsAdministrator)
{
    /// <summary>The lease that the request names; null: none.</summary>
    public string? Lease { get; init; }
}
