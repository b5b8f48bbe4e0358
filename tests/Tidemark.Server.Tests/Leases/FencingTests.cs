using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Leases;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Storage;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Server.Tests.Leases;

/// <summary>Work that outlives its lease inside one request.</summary>
[Trait("req", "RUN-04")]
[Trait("req", "SRV-08")]
public sealed class FencingTests
{
    private static readonly SyncModel Model = new SyncModelBuilder().Entity("boxes", e => e.Field("id", FieldType.Text).Field("name", FieldType.Text).Key("id")).Build();

    [Fact]
    public async Task A_push_whose_lease_ends_while_it_is_carried_out_is_not_committed_and_the_same_push_is_taken_under_the_next_one()
    {
        SystemSqlite.Use();
        using var folder = new TempFolder();
        var time = new ManualTime();
        var environment = new ServerEnvironment { Time = time };
        await using var store = new Slow(SqliteServerStore.Open(Path.Combine(folder.Path, "server.db"), environment));
        using var server = new SyncServer(store, environment, new ServerOptions { Dev = true, Leases = new LeaseOptions { Commands = 1, TimeMs = 60_000 } });
        await server.PutModelAsync(new Caller(new UserId("ann"), true), SyncModelJson.ToUtf8(Model), CancellationToken.None);
        var writer = new PushingDevice(server, Model, "ann", "s");
        var body = PushRequest.Write(
            new PushEnvelope { DeviceId = "d", StoreId = "s", PushSeq = 1 }, [writer.Create("boxes", ["a", "A"]).ToUtf8(), writer.Create("boxes", ["b", "B"]).ToUtf8()]);
        var caller = await AdmittedAsync();

        store.During = () => time.Advance(TimeSpan.FromSeconds(61));
        var refused = await Assert.ThrowsAsync<ServerException>(() => server.PushAsync(caller, body, CancellationToken.None));
        Assert.Equal(ErrorCodes.LeaseLost, refused.Problem.Code);
        Assert.Equal(0, await store.CountRowsAsync(Model.Get("boxes"), CancellationToken.None));

        store.During = () => time.Advance(TimeSpan.FromSeconds(59));
        var taken = await server.PushAsync(await AdmittedAsync(), body, CancellationToken.None);
        Assert.Equal(2, taken.Successful.Count);

        async Task<Caller> AdmittedAsync() => new(new UserId("ann"), true)
        {
            Lease = (await server.AskLeaseAsync(new Caller(new UserId("ann"), true), new LeaseRequest { DeviceId = "d" }, CancellationToken.None)).LeaseId,
        };
    }

    /// <summary>A store in which a transaction takes its time.</summary>
    private sealed class Slow(IServerStore inner) : IServerStore
    {
        public Action During { get; set; } = static () => { };

        public ValueTask<SyncModel?> GetModelAsync(CancellationToken cancellationToken) => inner.GetModelAsync(cancellationToken);

        public ValueTask PutModelAsync(SyncModel model, CancellationToken cancellationToken) => inner.PutModelAsync(model, cancellationToken);

        public ValueTask<long> CountRowsAsync(EntityType type, CancellationToken cancellationToken) => inner.CountRowsAsync(type, cancellationToken);

        public ValueTask<byte[]> KeepSecretAsync(string name, byte[] proposed, CancellationToken cancellationToken) => inner.KeepSecretAsync(name, proposed, cancellationToken);

        public ValueTask<IReadOnlyList<byte[]>> ReadSecretsAsync(string prefix, CancellationToken cancellationToken) => inner.ReadSecretsAsync(prefix, cancellationToken);

        public ValueTask<IReadOnlyList<SpaceId>> GetSpacesAsync(CancellationToken cancellationToken) => inner.GetSpacesAsync(cancellationToken);

        public ValueTask<IReadOnlyList<Membership>> ReadMembershipsAsync(UserId user, CancellationToken cancellationToken) => inner.ReadMembershipsAsync(user, cancellationToken);

        public ValueTask<IReadOnlyList<StoredLease>> ReadLeasesAsync(CancellationToken cancellationToken) => inner.ReadLeasesAsync(cancellationToken);

        public ValueTask<T> ChangeLeasesAsync<T>(Func<IReadOnlyList<StoredLease>, (List<StoredLease> Book, T Result)> change, CancellationToken cancellationToken) =>
            inner.ChangeLeasesAsync(change, cancellationToken);

        public ValueTask<IStoreSnapshot> ReadAsync(SpaceId space, CancellationToken cancellationToken) => inner.ReadAsync(space, cancellationToken);

        public async ValueTask<IStoreTransaction> WriteAsync(SpaceId space, Position atLeast, CancellationToken cancellationToken)
        {
            var transaction = await inner.WriteAsync(space, atLeast, cancellationToken);
            During();
            return transaction;
        }

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
