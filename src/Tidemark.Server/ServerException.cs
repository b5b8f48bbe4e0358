using Tidemark.Model.Protocol;

namespace Tidemark.Server;

/// <summary>A request that is refused whole. The problem is what travels.</summary>
public class ServerException(Problem problem, Exception? inner = null) : Exception(problem.Detail ?? problem.Title ?? problem.Code, inner)
{
    public Problem Problem { get; } = problem;

    /// <summary>What the storage said, for the log of whoever runs the server: no value of a row, and nothing that travels. Null: the refusal is not the storage's.</summary>
    public string? Cause { get; init; }
}
