namespace Tidemark.Testing.Postgres;

/// <summary>A fixture of a test assembly: stops PostgreSQL with its last test. At the process's own end the runner takes the time it needs for a thread that hangs.</summary>
public sealed class ClusterEnd : IDisposable
{
    public void Dispose() => PostgresCluster.End();
}
