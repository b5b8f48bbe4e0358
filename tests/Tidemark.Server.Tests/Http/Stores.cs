using Tidemark.Server.Sqlite;
using Tidemark.Server.Storage;
using Tidemark.Testing;

namespace Tidemark.Server.Tests.Http;

internal static class Stores
{
    /// <summary>The store of a server's folder, as `tidemark serve` opens it.</summary>
    public static IServerStore Open(string folder)
    {
        SystemSqlite.Use();
        return SqliteServerStore.Open(Path.Combine(folder, "server.db"), ServerEnvironment.System);
    }
}
