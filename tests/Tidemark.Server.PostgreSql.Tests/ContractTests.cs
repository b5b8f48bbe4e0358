using Tidemark.Server.Storage;
using Tidemark.Testing.Server;

namespace Tidemark.Server.PostgreSql.Tests;

public sealed class PostgresStoreTests : ServerStoreContract
{
    protected override IServerStore OpenStore(ServerEnvironment environment) => Stores.Open(environment);
}

public sealed class PostgresVerdictTests : VerdictContract
{
    protected override IServerStore OpenStore(ServerEnvironment environment) => Stores.Open(environment);
}

public sealed class PostgresServerTests : SyncServerContract
{
    protected override IServerStore OpenStore(ServerEnvironment environment) => Stores.Open(environment);
}

public sealed class PostgresRenameTests : RenameContract
{
    protected override IServerStore OpenStore(ServerEnvironment environment) => Stores.Open(environment);
}

public sealed class PostgresUniqueMergeTests : UniqueMergeContract
{
    protected override IServerStore OpenStore(ServerEnvironment environment) => Stores.Open(environment);
}

public sealed class PostgresLeaseBookTests : LeaseBookContract
{
    protected override IServerStore OpenStore(ServerEnvironment environment) => Stores.Open(environment);
}

public sealed class PostgresSharingTests : SharingContract
{
    protected override IServerStore OpenStore(ServerEnvironment environment) => Stores.Open(environment);
}

public sealed class PostgresChecksumTests : ChecksumContract
{
    protected override IServerStore OpenStore(ServerEnvironment environment) => Stores.Open(environment);
}

public sealed class PostgresAdministrationTests : AdministrationContract
{
    protected override IServerStore OpenStore(ServerEnvironment environment) => Stores.Open(environment);
}
