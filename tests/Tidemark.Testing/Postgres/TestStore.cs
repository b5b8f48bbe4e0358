using System.Security.Cryptography;
using System.Text;

namespace Tidemark.Testing.Postgres;

/// <summary>What the servers of this run keep their data in: SQLite, or with TIDEMARK_TEST_STORE=postgres the test run's PostgreSQL, a schema for each data folder.</summary>
public static class TestStore
{
    public static bool IsPostgres { get; } = Environment.GetEnvironmentVariable("TIDEMARK_TEST_STORE") == "postgres";

    public static string[] ArgumentsOf(string data) => IsPostgres ? ["--postgres", ConnectionOf(data)] : [];

    /// <summary>The same folder has the same schema, also after a restart.</summary>
    public static string ConnectionOf(string data) => PostgresCluster.Instance.ConnectionString + ";Search Path=" + SchemaOf(data);

    /// <summary>The schema of a folder.</summary>
    public static string SchemaOf(string data) => "d" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(data)).AsSpan(0, 8));
}
