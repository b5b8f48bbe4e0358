using Tidemark.Server.Health;
using Tidemark.Testing.Health;
using Tidemark.Testing.Postgres;

namespace Tidemark.Server.PostgreSql.Tests.Health;

public sealed class PostgresHealthStoreTests : HealthStoreContract
{
    private readonly string _schema = PostgresCluster.NewSchema();
    private readonly List<PostgresServerStore> _nodes = [];

    protected override IHealthStore Open()
    {
        _nodes.Add(Stores.Open(ServerEnvironment.System, _schema));
        return _nodes[^1].Health;
    }

    protected override IHealthStore OpenAgain() => Open();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }
    }
}
