using Tidemark.Model.Protocol;

namespace Tidemark.Server;

/// <summary>A request that is refused whole. The problem is what travels.</summary>
public class ServerException(Problem problem, Exception? inner = null) : Exception(problem.Detail ?? problem.Title ?? problem.Code, inner)
{
    public Problem Problem { get; } = problem;
}
