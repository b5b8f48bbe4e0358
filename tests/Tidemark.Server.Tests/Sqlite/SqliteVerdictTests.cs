using Tidemark.Server.Sqlite;
using Tidemark.Server.Storage;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Server.Tests.Sqlite;

public sealed class SqliteVerdictTests : VerdictContract
{
    private readonly TempFolder _folder = new();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Dispose();
    }

    protected override IServerStore OpenStore(ServerEnvironment environment) => SqliteServerStore.Open(_folder.File("server.db"), environment);
}
