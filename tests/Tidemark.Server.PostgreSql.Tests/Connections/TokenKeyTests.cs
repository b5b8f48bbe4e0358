using Tidemark.Server.AspNetCore;
using Tidemark.Testing.Postgres;

namespace Tidemark.Server.PostgreSql.Tests.Connections;

/// <summary>The keys that seal tokens, common to all nodes.</summary>
public sealed class TokenKeyTests : PostgresWorld
{
    [Fact]
    [Trait("req", "SRV-02")]
    [Trait("req", "SRV-07")]
    public async Task Nodes_that_start_at_once_on_an_empty_database_make_one_token_key_between_them()
    {
        for (var round = 0; round < 5; round++)
        {
            var schema = PostgresCluster.NewSchema();
            var stores = Enumerable.Range(0, 4).Select(_ => Kept(Stores.Open(Environment, schema))).ToList();
            var tokens = await Task.WhenAll(stores.Select(s => Task.Run(() => TidemarkTokens.OpenAsync(s))));
            Assert.Single(await stores[0].ReadSecretsAsync("data-protection:", None));
            Array.ForEach(tokens, t => t.Dispose());
        }
    }
}
