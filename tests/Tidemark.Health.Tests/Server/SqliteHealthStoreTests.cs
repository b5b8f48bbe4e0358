using Tidemark.Server.Health;
using Tidemark.Server.Sqlite.Health;
using Tidemark.Testing.Health;

namespace Tidemark.Health.Tests.Server;

public sealed class SqliteHealthStoreTests : HealthStoreContract
{
    private readonly TempFolder _folder = new();

    protected override IHealthStore Open() => SqliteHealthStore.Open(_folder.File("health.db"));

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Dispose();
    }
}
