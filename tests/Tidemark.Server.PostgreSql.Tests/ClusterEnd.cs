using Tidemark.Testing.Postgres;

[assembly: AssemblyFixture(typeof(Tidemark.Server.PostgreSql.Tests.ClusterEnd))]

namespace Tidemark.Server.PostgreSql.Tests;

/// <summary>Stops PostgreSQL with the last test: at the process's own end the runner takes the time it needs for a thread that hangs.</summary>
public sealed class ClusterEnd : IDisposable
{
    public void Dispose() => PostgresCluster.End();
}
