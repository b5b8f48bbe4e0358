using Npgsql;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Tests.Writing;

/// <summary>Positions in commit order, whoever writes.</summary>
public sealed class OrderTests : PostgresWorld
{
    private static readonly SpaceId Space = new("u:anna");

    [Fact]
    [Trait("req", "CUR-04")]
    public async Task A_transaction_that_takes_its_position_first_and_commits_last_is_never_skipped()
    {
        await DeviceAsync();
        await using var program = await ProgramAsync();
        await SqlAsync(program, "BEGIN; INSERT INTO boxes(space_id, id) VALUES ('u:anna', 'first'); SET CONSTRAINTS ALL IMMEDIATE");
        var push = PushAsync(Store, "second");
        var reader = new Reader(Store);
        for (var i = 0; i < 20; i++)
        {
            Assert.Empty(await reader.ReadAsync());
        }

        Assert.False(push.IsCompleted);
        await SqlAsync(program, "COMMIT");
        await push;
        await reader.ReadAsync();
        Assert.Equal(["first", "second"], reader.Seen);
    }

    [Theory]
    [InlineData(1, 1000)]
    [Trait("req", "CUR-04")]
    [Trait("req", "CUR-06")]
    public async Task A_reader_among_random_writers_sees_every_row_once_and_in_order(int seed, int rounds)
    {
        await DeviceAsync();
        var other = Kept(Stores.Open(Environment, Schema));
        var random = new Random(seed);
        await using var program = await ProgramAsync();
        var readers = new[] { new Reader(Store), new Reader(other) };
        for (var round = 0; round < rounds; round++)
        {
            var (rowsOfProgram, waits, isFirst) = (random.Next(1, 4), random.Next(3), random.Next(2) == 0);
            var writers = Task.WhenAll(
                PushAsync(Store, $"{round}-a", random.Next(3)),
                PushAsync(other, $"{round}-b", random.Next(3)),
                ProgramWriteAsync(program, round, rowsOfProgram, waits, isFirst));
            while (!writers.IsCompleted)
            {
                await readers[random.Next(2)].ReadAsync();
            }

            await writers;
        }

        var all = new Reader(Store);
        await all.ReadAsync();
        foreach (var reader in readers)
        {
            await reader.ReadAsync();
            Assert.Equal(all.Seen, reader.Seen);
        }
    }

    [Fact]
    [Trait("req", "CUR-04")]
    [Trait("req", "SRV-04")]
    public async Task A_push_that_another_program_overtakes_gets_a_later_position_everywhere_it_is_told()
    {
        var device = await DeviceAsync();
        await using var transaction = await Store.WriteAsync(Space, Position.None, None);
        await SqlAsync("INSERT INTO boxes(space_id, id) VALUES ('u:anna', 'by SQL')");
        var overtaking = (long)(await SqlAsync("SELECT head FROM _tm_space WHERE space_id = 'u:anna'"))!;
        Assert.True(overtaking > transaction.PendingVersion);
        var made = Guid.CreateVersion7();
        await transaction.UpsertAsync(Box("pushed"), new RowOrigin("d", made), None);
        await transaction.DeleteAsync(Model.Get("boxes"), EntityKey.Of("never"), default, None);
        await transaction.PutVerdictAsync(new UserId("anna"), new RecordedVerdict(made, [1], "boxes", "1"u8.ToArray(), "1"u8.ToArray(), transaction.PendingVersion, null), None);
        var mark = await transaction.SealAsync(None);
        await transaction.CommitAsync(None);
        Assert.True(mark.Position > overtaking);
        await using var snapshot = await Store.ReadAsync(Space, None);
        Assert.Equal(mark, snapshot.State!.Head);
        Assert.True(await snapshot.KnowsAsync(mark, None));
        Assert.Equal(mark.Position, (await snapshot.FindRowAsync(Model.Get("boxes"), EntityKey.Of("pushed"), None))!.Version);
        Assert.Equal(mark.Position, (await snapshot.FindTombstoneAsync(Model.Get("boxes"), EntityKey.Of("never"), None))!.Version);
        Assert.Equal(mark.Position, (await snapshot.FindVerdictAsync(new UserId("anna"), made, None))!.Version);
        Assert.Equal(3, (await PullAsync(device)).Changes.Count);
    }

    [Fact]
    [Trait("req", "SRV-03")]
    [Trait("req", "SRV-04")]
    public async Task A_row_that_another_program_writes_between_look_and_commit_is_never_overwritten()
    {
        var device = await DeviceAsync();
        var version = (await device.PushAsync(device.Create("boxes", ["a", "A", 1]))).Mark.Position;
        await using (var transaction = await Store.WriteAsync(Space, Position.None, None))
        {
            var row = (await transaction.FindRowAsync(Model.Get("boxes"), EntityKey.Of("a"), None))!.Row;
            await SqlAsync("UPDATE boxes SET name = 'by SQL' WHERE id = 'a'");
            await transaction.UpsertAsync(row.With(1, Value.Text("mine")), default, None);
            await Assert.ThrowsAsync<TransientStoreException>(async () => await transaction.SealAsync(None));
        }

        await using (var transaction = await Store.WriteAsync(Space, Position.None, None))
        {
            Assert.Null(await transaction.FindRowAsync(Model.Get("boxes"), EntityKey.Of("b"), None));
            await SqlAsync("INSERT INTO boxes(space_id, id, name) VALUES ('u:anna', 'b', 'by SQL')");
            await transaction.UpsertAsync(Box("b"), default, None);
            await Assert.ThrowsAsync<TransientStoreException>(async () => await transaction.SealAsync(None));
        }

        Assert.Single((await device.PushAsync(device.Update("boxes", EntityKey.Of("a"), version, "size", 2))).Conflicts);
        Assert.All((await PullAsync(device)).Changes, c => Assert.Equal("by SQL", c.Row!["name"].AsText));
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task Programs_that_write_many_spaces_in_any_order_and_pushes_never_block_each_other_for_good()
    {
        var users = new[] { "a", "b", "c", "d" };
        foreach (var user in users)
        {
            var device = await DeviceAsync(user);
            await device.PushAsync([.. Enumerable.Range(0, 5).Select(i => device.Create("boxes", [$"{i}", $"{user}{i}", 0]))]);
        }

        async Task Program(int seed)
        {
            var random = new Random(seed);
            await using var program = new NpgsqlConnection(Tidemark.Testing.Postgres.PostgresCluster.Instance.ConnectionString + $";Search Path={Schema};Pooling=false");
            await program.OpenAsync(None);
            for (var round = 0; round < 15; round++)
            {
                // Each program has rows of its own: what they share with each other and with the pushes are the heads.
                var spaces = users.OrderBy(_ => random.Next()).Take(3);
                await SqlAsync(program, "BEGIN; " + string.Concat(spaces.Select(u => $"INSERT INTO boxes(space_id, id) VALUES ('u:{u}', 's{seed}-{round}'); UPDATE boxes SET size = 1 WHERE space_id = 'u:{u}' AND id = 's{seed}-{round}'; ")) + "COMMIT");
            }
        }

        async Task Pushes(string user)
        {
            var device = new Tidemark.Testing.Server.PushingDevice(Server, Model, user, "p");
            for (var round = 0; round < 15; round++)
            {
                Assert.Single((await device.PushAsync(device.Create("boxes", [$"p{round}", $"p{round}", 1]))).Successful);
            }
        }

        await Task.WhenAll([Program(1), Program(2), Program(3), .. users.Select(Pushes)]).WaitAsync(TimeSpan.FromSeconds(60), None);
        Assert.Equal(4 * 20 + 3 * 3 * 15L, await SqlAsync("SELECT count(*) FROM boxes WHERE _tm_version > 0"));
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task A_push_gives_way_to_a_program_that_holds_one_of_its_rows_and_goes_on_when_it_is_done()
    {
        var device = await DeviceAsync();
        var version = (await device.PushAsync(device.Create("boxes", ["a", "A", 1]), device.Create("boxes", ["b", "B", 1]))).Mark.Position;
        await using var program = await ProgramAsync();
        await SqlAsync(program, "BEGIN; UPDATE boxes SET size = 9 WHERE id = 'b'");
        var push = device.PushAsync(device.Update("boxes", EntityKey.Of("a"), version, "size", 2), device.Update("boxes", EntityKey.Of("b"), version, "size", 2));
        await Eventually.TrueAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM pg_locks WHERE NOT granted"))! > 0, "the push waits for the row");

        // It holds a, wants b; this holds b, wants a. The program must not be the victim.
        await SqlAsync(program, "UPDATE boxes SET size = 9 WHERE id = 'a'; COMMIT");
        Assert.Equal(2, (await push).Conflicts.Count);
    }

    private static Row Box(string id) => new(Model.Get("boxes"), [Value.Text(id), Value.Null, Value.Null]);

    private static async Task PushAsync(PostgresServerStore store, string id, int yields = 0)
    {
        await StoreRetries.RunAsync(
            ServerEnvironment.System,
            async () =>
            {
                await using var transaction = await store.WriteAsync(Space, Position.None, None);
                await transaction.UpsertAsync(Box(id), default, None);
                for (var i = 0; i < yields; i++)
                {
                    await Task.Yield();
                }

                await transaction.SealAsync(None);
                await transaction.CommitAsync(None);
                return true;
            },
            None);
    }

    private static async Task ProgramWriteAsync(NpgsqlConnection program, int round, int rows, int waits, bool isFirst)
    {
        await SqlAsync(program, "BEGIN");
        for (var i = 0; i < rows; i++)
        {
            await SqlAsync(program, $"INSERT INTO boxes(space_id, id) VALUES ('u:anna', '{round}-s{i}')");
        }

        if (isFirst)
        {
            // It takes its position now and commits when the others have wanted theirs.
            await SqlAsync(program, "SET CONSTRAINTS ALL IMMEDIATE");
            waits += 3;
        }

        for (var i = 0; i < waits; i++)
        {
            await SqlAsync(program, "SELECT 1");
        }

        await SqlAsync(program, "COMMIT");
    }

    // Reads on from where it stands, as a device does; a row that came below its cursor would be missed.
    private sealed class Reader(PostgresServerStore store) : IChangeSink
    {
        private long _position;

        public List<string> Seen { get; } = [];

        public async Task<List<string>> ReadAsync()
        {
            await using var snapshot = await store.ReadAsync(Space, None);
            if (snapshot.State is not { } state)
            {
                return Seen;
            }

            await snapshot.ReadChangesAsync(new ChangesRange([(Model.Get("boxes"), new ChangePlace(_position, null))], state.Head.Position), this, None);
            _position = state.Head.Position;
            return Seen;
        }

        public bool TryAdd(in StoredChange change)
        {
            Assert.True(change.Version > _position);
            Seen.Add(change.Key[0].AsText);
            return true;
        }
    }
}
