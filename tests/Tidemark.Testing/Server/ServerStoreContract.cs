using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Storage;
using Xunit;

namespace Tidemark.Testing.Server;

/// <summary>What every storage engine must do, at its own interface. An engine inherits it and says how its store is opened.</summary>
public abstract class ServerStoreContract : IAsyncDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly SpaceId Home = new("u:anna");
    private static readonly SpaceId Other = new("u:ben");
    private static readonly UserId Anna = new("anna");
    private IServerStore? _store;

    protected static SyncModel Model { get; } = new SyncModelBuilder()
        .Entity("links", e => e.Field("a", FieldType.Text).Field("b", FieldType.Integer).Key("a", "b"))
        .Entity("things", e => e.Field("id", FieldType.Integer).Field("name", FieldType.Text, f => f with { Collation = Collation.NoCase }).Field("v", FieldType.Exact).Key("id").ServerAssigned().Unique("name"))
        .Build();

    protected ManualTime Time { get; } = new();

    private static EntityType Things => Model.Get("things");

    private static EntityType Links => Model.Get("links");

    private IServerStore Store => _store ??= OpenStore(new ServerEnvironment { Time = Time });

    private long NowPosition => new ServerEnvironment { Time = Time }.Now().Value;

    protected abstract IServerStore OpenStore(ServerEnvironment environment);

    public static TheoryData<object> Values => [0L, long.MaxValue, long.MinValue, 9007199254740993L, 1.5, double.PositiveInfinity, double.NegativeInfinity, 5e-324, "", "emoji 😀 e\u0301", "00", "\u0001", new byte[] { 0, 255 }, Array.Empty<byte>()];

    [Theory]
    [MemberData(nameof(Values))]
    [Trait("req", "SRV-02")]
    public async Task A_value_comes_back_with_its_class_in_row_change_and_scan(object value)
    {
        var row = Thing(1, "n", ToValue(value));
        await WriteAsync(Home, t => t.UpsertAsync(row, default, None));
        await using var snapshot = await Store.ReadAsync(Home, None);
        Assert.True(row.SameAs((await snapshot.FindRowAsync(Things, row.Key, None))!.Row));
        Assert.True(row.SameAs(Assert.Single(await ChangesAsync(snapshot)).Row!));
        var scanned = new List<Row>();
        await snapshot.ScanAsync(Things, scanned.Add, None);
        Assert.True(row.SameAs(Assert.Single(scanned)));
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task A_commit_takes_one_position_for_all_its_rows_and_a_space_is_made_by_its_first_write()
    {
        await ModelAsync();
        await using (var before = await Store.ReadAsync(Home, None))
        {
            Assert.Null(before.State);
        }

        var mark = await WriteAsync(Home, async t =>
        {
            await t.UpsertAsync(Thing(1, "a"), new RowOrigin("d", Guid.Empty), None);
            Assert.Equal(t.PendingVersion, (await t.FindRowAsync(Things, EntityKey.Of(1), None))!.Version);
            await t.UpsertAsync(Link("x", 1), default, None);
        });
        await using var after = await Store.ReadAsync(Home, None);
        Assert.Equal(mark, after.State!.Head);
        Assert.True(await after.KnowsAsync(mark, None));
        Assert.False(await after.KnowsAsync(mark with { Token = "another" }, None));
        Assert.False(await after.KnowsAsync(mark with { Position = mark.Position + 1 }, None));
        Assert.All(await ChangesAsync(after), c => Assert.Equal(mark.Position, c.Version));
        var row = await after.FindRowAsync(Things, EntityKey.Of(1), None);
        Assert.Equal(new RowOrigin("d", Guid.Empty), row!.Origin);
    }

    [Fact]
    [Trait("req", "CUR-04")]
    public async Task A_position_is_above_the_head_not_below_now_and_not_below_what_is_asked()
    {
        var first = await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "a"), default, None));
        Assert.Equal(NowPosition, first.Position);
        Assert.Equal(first.Position + 1, (await WriteAsync(Home, t => t.UpsertAsync(Thing(2, "b"), default, None))).Position);
        Time.Now -= TimeSpan.FromHours(1);
        Assert.Equal(first.Position + 2, (await WriteAsync(Home, t => t.UpsertAsync(Thing(3, "c"), default, None))).Position);
        var asked = first.Position + 5_000_000;
        Assert.Equal(asked, (await WriteAsync(Home, t => t.UpsertAsync(Thing(4, "d"), default, None), asked)).Position);
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task What_is_not_committed_is_not_there_and_what_is_rolled_back_moves_no_head()
    {
        var head = await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "a"), default, None));
        await using (var lost = await Store.WriteAsync(Home, Position.None, None))
        {
            await lost.UpsertAsync(Thing(2, "b"), default, None);
            await lost.SealAsync(None);
        }

        var same = await WriteAsync(Home, async t =>
        {
            await t.SavepointAsync(None);
            await t.UpsertAsync(Thing(3, "c"), default, None);
            await t.DeleteAsync(Things, EntityKey.Of(1), default, None);
            await t.RollbackToSavepointAsync(None);
            Assert.Null(await t.FindRowAsync(Things, EntityKey.Of(3), None));
        });
        Assert.Equal(head, same);
        await using var snapshot = await Store.ReadAsync(Home, None);
        Assert.Equal([1L], (await ChangesAsync(snapshot)).Select(c => c.Key[0].AsInteger));
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task A_savepoint_that_is_rolled_back_takes_nothing_of_the_one_before()
    {
        var head = await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "a"), default, None));
        var next = await WriteAsync(Home, async t =>
        {
            await t.SavepointAsync(None);
            await t.UpsertAsync(Thing(2, "b"), default, None);
            await t.ReleaseSavepointAsync(None);
            await t.SavepointAsync(None);
            await t.UpsertAsync(Thing(3, "c"), default, None);
            await t.RollbackToSavepointAsync(None);
        });
        Assert.True(next.Position > head.Position);
        await using var snapshot = await Store.ReadAsync(Home, None);
        Assert.Equal([1L, 2L], (await ChangesAsync(snapshot)).Select(c => c.Key[0].AsInteger));
    }

    [Fact]
    [Trait("req", "CUR-06")]
    public async Task A_snapshot_neither_waits_for_a_writer_nor_sees_what_is_committed_after_it()
    {
        await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "a"), default, None));
        await using var writing = await Store.WriteAsync(Home, Position.None, None);
        await writing.UpsertAsync(Thing(2, "b"), default, None);
        await using var snapshot = await Store.ReadAsync(Home, None);
        Assert.Single(await ChangesAsync(snapshot));
        await writing.SealAsync(None);
        await writing.CommitAsync(None);
        Assert.Single(await ChangesAsync(snapshot));
        Assert.Null(await snapshot.FindRowAsync(Things, EntityKey.Of(2), None));
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task A_space_has_one_writer_at_a_time()
    {
        await ModelAsync();
        var first = await Store.WriteAsync(Home, Position.None, None);
        var second = Store.WriteAsync(Home, Position.None, None).AsTask();
        Assert.False(second.IsCompleted);
        await first.UpsertAsync(Thing(1, "a"), default, None);
        await first.SealAsync(None);
        await first.CommitAsync(None);
        await first.DisposeAsync();
        await using var next = await second.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.NotNull(await next.FindRowAsync(Things, EntityKey.Of(1), None));
    }

    [Fact]
    [Trait("req", "PUSH-10")]
    public async Task A_deletion_leaves_a_tombstone_until_the_row_is_made_again()
    {
        await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "a"), default, None));
        var deleted = await WriteAsync(Home, t => t.DeleteAsync(Things, EntityKey.Of(1), new RowOrigin("d", null, 7), None));
        await using (var snapshot = await Store.ReadAsync(Home, None))
        {
            Assert.Equal(new Tombstone(EntityKey.Of(1), deleted.Position, new RowOrigin("d", null, 7)), await snapshot.FindTombstoneAsync(Things, EntityKey.Of(1), None));
            Assert.Null(Assert.Single(await ChangesAsync(snapshot)).Row);
        }

        await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "again"), default, None));
        await using var after = await Store.ReadAsync(Home, None);
        Assert.Null(await after.FindTombstoneAsync(Things, EntityKey.Of(1), None));
        Assert.NotNull(Assert.Single(await ChangesAsync(after)).Row);
    }

    [Fact]
    [Trait("req", "CUR-04")]
    public async Task Changes_come_by_position_type_and_key_from_any_place_and_end_when_the_reader_has_enough()
    {
        var first = await WriteAsync(Home, async t =>
        {
            foreach (var id in new[] { 10, 9, 100 })
            {
                await t.UpsertAsync(Thing(id, "n" + id), default, None);
            }

            await t.UpsertAsync(Link("b", 2), default, None);
            await t.UpsertAsync(Link("b", 10), default, None);
            await t.UpsertAsync(Link("a", 11), default, None);
        });
        await WriteAsync(Home, async t =>
        {
            await t.UpsertAsync(Thing(1, "later"), default, None);
            await t.DeleteAsync(Links, new EntityKey(Value.Text("b"), Value.Integer(2)), default, None);
        });
        await using var snapshot = await Store.ReadAsync(Home, None);
        string[] all = ["links a 11", "links b 10", "things 9", "things 10", "things 100", "links b 2", "things 1"];
        Assert.Equal(all, (await ChangesAsync(snapshot)).Select(Text));
        Assert.Equal(all[..3], (await ChangesAsync(snapshot, countMax: 3)).Select(Text));
        Assert.Equal(all[..5], (await ChangesAsync(snapshot, until: first.Position)).Select(Text));
        Assert.Equal(
            ["things 10", "things 100", "links b 2", "things 1"],
            (await ChangesAsync(snapshot, new ChangePlace(first.Position, null), new ChangePlace(first.Position, EntityKey.Of(9)))).Select(Text));
        Assert.Equal(7, await snapshot.CountChangesAsync(Range(snapshot), 100, None));
        Assert.Equal(4, await snapshot.CountChangesAsync(Range(snapshot), 4, None));
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task Keys_are_found_by_values_as_the_fields_compare_and_never_in_another_space()
    {
        await WriteAsync(Other, t => t.UpsertAsync(Thing(7, "red"), default, None));
        await WriteAsync(Home, async t =>
        {
            await t.UpsertAsync(Thing(1, "Red"), default, None);
            await t.UpsertAsync(Thing(2, "RED"), default, None);
            await t.UpsertAsync(Link("x", 1), default, None);
            await t.UpsertAsync(Link("X", 1), default, None);
            var byName = await t.FindKeysAsync(Things, [1], new[] { Value.Text("red") }, 10, None);
            Assert.Equal([1L, 2L], byName.Select(k => k[0].AsInteger).Order());
            Assert.Single(await t.FindKeysAsync(Things, [1], new[] { Value.Text("red") }, 1, None));
            Assert.Equal("x", Assert.Single(await t.FindKeysAsync(Links, [0, 1], new[] { Value.Text("x"), Value.Integer(1) }, 10, None))[0].AsText);
            Assert.Empty(await t.FindKeysAsync(Things, [1], new[] { Value.Text("blue") }, 10, None));
        });
        Assert.Equal(3, await Store.CountRowsAsync(Things, None));
    }

    [Fact]
    [Trait("req", "SRV-03")]
    public async Task Accepted_verdicts_are_remembered_with_the_commits_position_and_by_user()
    {
        var (plain, pending) = (Verdict(5), Verdict(0));
        var mark = await WriteAsync(Home, async t =>
        {
            await t.UpsertAsync(Thing(1, "a"), default, None);
            await t.PutVerdictAsync(Anna, plain, None);
            await t.PutVerdictAsync(Anna, pending with { Version = t.PendingVersion, Row = [2] }, None);
            await t.PutStorePushAsync(Anna, "s", new StorePush(3, "op"), None);
        });
        await using var next = await Store.WriteAsync(Home, Position.None, None);
        Assert.Equal(5, (await next.FindVerdictAsync(Anna, plain.CommandId, None))!.Version);
        var found = await next.FindVerdictAsync(Anna, pending.CommandId, None);
        Assert.Equal(mark.Position, found!.Version);
        Assert.Equal<byte>([2], found.Row!);
        Assert.Equal(pending.Hash, found.Hash);
        Assert.Null(await next.FindVerdictAsync(new UserId("ben"), plain.CommandId, None));
        Assert.Equal(new StorePush(3, "op"), await next.FindStorePushAsync(Anna, "s", None));
        Assert.Null(await next.FindStorePushAsync(Anna, "other", None));
        Assert.Null(await next.FindStorePushAsync(new UserId("ben"), "s", None));
    }

    [Fact]
    [Trait("req", "PUSH-06")]
    public async Task Given_ids_are_never_forgotten_and_forgotten_tombstones_leave_theirs_behind()
    {
        await WriteAsync(Home, async t =>
        {
            await t.SetLastIdAsync(Things, 20, None);
            await t.SetLastIdAsync(Things, 10, None);
            Assert.Equal(new IdCounter(20, 0), await t.GetIdCounterAsync(Things, None));
            await t.UpsertAsync(Thing(30, "a"), default, None);
            await t.SetLastIdAsync(Things, 30, None);
        });
        await WriteAsync(Home, t => t.DeleteAsync(Things, EntityKey.Of(30), default, None));
        Time.Now += TimeSpan.FromDays(1);
        var head = await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "b"), default, None));
        await WriteAsync(Home, async t =>
        {
            await t.CompactAsync(Retained.From(new Position(head.Position)), None);
            Assert.Equal(new IdCounter(30, 30), await t.GetIdCounterAsync(Things, None));
        });
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task The_maker_of_a_row_is_kept_over_later_changes_and_its_deletion_and_ends_with_the_next_row_of_its_key()
    {
        var (first, second) = (PushingDevice.NewId(), PushingDevice.NewId());
        var key = EntityKey.Of(1);
        await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "a"), new RowOrigin("d", first, null, first), None));
        await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "b"), new RowOrigin("d", second), None));
        await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "c"), default, None));
        await using (var live = await Store.ReadAsync(Home, None))
        {
            Assert.Equal(new RowOrigin(null, null, null, first), (await live.FindRowAsync(Things, key, None))!.Origin);
            Assert.Equal(first, Assert.Single(await ChangesAsync(live)).Origin.MadeBy);
        }

        await WriteAsync(Home, t => t.DeleteAsync(Things, key, new RowOrigin("d", second), None));
        await WriteAsync(Home, t => t.DeleteAsync(Things, key, default, None));
        await using (var gone = await Store.ReadAsync(Home, None))
        {
            Assert.Equal(first, (await gone.FindTombstoneAsync(Things, key, None))!.Origin.MadeBy);
            Assert.Equal(first, Assert.Single(await ChangesAsync(gone)).Origin.MadeBy);
        }

        await WriteAsync(Home, t => t.DeleteAsync(Things, EntityKey.Of(2), new RowOrigin("d", second, 7, second), None));
        await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "d"), new RowOrigin("d", second, null, second), None));
        await using var after = await Store.ReadAsync(Home, None);
        Assert.Equal(second, (await after.FindRowAsync(Things, key, None))!.Origin.MadeBy);
        Assert.Equal(second, (await after.FindTombstoneAsync(Things, EntityKey.Of(2), None))!.Origin.MadeBy);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task Two_rows_of_one_key_in_one_commit_have_a_maker_each()
    {
        var (first, second) = (PushingDevice.NewId(), PushingDevice.NewId());
        await WriteAsync(Home, async t =>
        {
            await t.UpsertAsync(Thing(1, "a"), new RowOrigin("d", first, null, first), None);
            await t.DeleteAsync(Things, EntityKey.Of(1), default, None);
            Assert.Equal(first, (await t.FindTombstoneAsync(Things, EntityKey.Of(1), None))!.Origin.MadeBy);
            await t.UpsertAsync(Thing(1, "b"), new RowOrigin("d", second, null, second), None);
            await t.UpsertAsync(Thing(2, "c"), default, None);
        });
        await using var snapshot = await Store.ReadAsync(Home, None);
        Assert.Equal([second, null], (await ChangesAsync(snapshot)).Select(c => c.Origin.MadeBy));
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task The_id_of_a_row_that_came_back_is_found_by_its_maker_in_its_space_and_type_alone()
    {
        var (madeBy, undone) = (PushingDevice.NewId(), PushingDevice.NewId());
        await WriteAsync(Home, async t =>
        {
            await t.PutMadeAsync(Things, madeBy, EntityKey.Of(7), None);
            await t.PutMadeAsync(Things, madeBy, EntityKey.Of(9), None);
            await t.SavepointAsync(None);
            await t.PutMadeAsync(Things, undone, EntityKey.Of(10), None);
            await t.RollbackToSavepointAsync(None);
        });
        await WriteAsync(Home, async t =>
        {
            Assert.Equal(EntityKey.Of(9), await t.FindMadeAsync(Things, madeBy, None));
            Assert.Null(await t.FindMadeAsync(Links, madeBy, None));
            Assert.Null(await t.FindMadeAsync(Things, undone, None));
            await t.CompactAsync(Retained.From(new Position(t.PendingVersion)), None);
            Assert.NotNull(await t.FindMadeAsync(Things, madeBy, None));
        });
        await WriteAsync(Other, async t => Assert.Null(await t.FindMadeAsync(Things, madeBy, None)));
    }

    [Fact]
    [Trait("req", "PUSH-06")]
    public async Task The_highest_id_is_counted_from_rows_and_tombstones_where_none_was_noted_and_in_its_space_alone()
    {
        await WriteAsync(Other, t => t.UpsertAsync(Thing(500, "far"), default, None));
        await WriteAsync(Home, async t =>
        {
            Assert.Equal(default, await t.GetIdCounterAsync(Things, None));
            await t.UpsertAsync(Thing(3, "a"), default, None);
            Assert.Equal(new IdCounter(3, 0), await t.GetIdCounterAsync(Things, None));
            await t.DeleteAsync(Things, EntityKey.Of(8), default, None);
            Assert.Equal(new IdCounter(8, 0), await t.GetIdCounterAsync(Things, None));
        });
        await WriteAsync(Home, async t => Assert.Equal(8, (await t.GetIdCounterAsync(Things, None)).Last));
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task What_is_compacted_is_gone_and_known_to_be_and_live_rows_stay()
    {
        var verdict = Verdict(1);
        var first = await WriteAsync(Home, async t =>
        {
            await t.UpsertAsync(Thing(1, "a"), default, None);
            await t.DeleteAsync(Things, EntityKey.Of(2), default, None);
            await t.PutVerdictAsync(Anna, verdict, None);
        });
        await WriteAsync(Other, t => t.DeleteAsync(Things, EntityKey.Of(2), default, None));
        var second = await WriteAsync(Home, t => t.DeleteAsync(Things, EntityKey.Of(3), default, None));
        var same = await WriteAsync(Home, t => t.CompactAsync(new Retained(new Position(second.Position), new Position(second.Position + 1)), None));
        Assert.Equal(second, same);
        await using var snapshot = await Store.ReadAsync(Home, None);
        Assert.Equal(second.Position, snapshot.State!.CompactedTo.Value);
        Assert.Equal(["things 1", "things 3"], (await ChangesAsync(snapshot)).Select(Text));
        Assert.Null(await snapshot.FindVerdictAsync(Anna, verdict.CommandId, None));
        Assert.False(await snapshot.KnowsAsync(first, None));
        Assert.True(await snapshot.KnowsAsync(second, None));
        Assert.Equal(second.Position, await snapshot.OldestCommitAsync(0, None));
        await using var other = await Store.ReadAsync(Other, None);
        Assert.Single(await ChangesAsync(other));
        Assert.Equal([Home, Other], await Store.GetSpacesAsync(None));
    }

    [Fact]
    [Trait("req", "SRV-04")]
    public async Task A_model_that_grows_keeps_every_row_and_new_fields_are_null()
    {
        await WriteAsync(Home, t => t.UpsertAsync(Thing(1, "a"), default, None));
        var wider = Things with { Fields = [.. Things.Fields, new Field { Name = "more" }] };
        var grown = SyncModelJson.Parse(SyncModelJson.ToUtf8(Model with
        {
            Version = 2,
            Entities = [Links, wider, new EntityType { Name = "zoo", Key = ["id"], Fields = [new Field { Name = "id", Type = FieldType.Text, Nullable = false }] }],
        }));
        await Store.PutModelAsync(grown, None);
        Assert.Equal(grown.Hash, (await Store.GetModelAsync(None))!.Hash);
        await using var snapshot = await Store.ReadAsync(Home, None);
        Assert.Equal(grown.Hash, snapshot.Model!.Hash);
        Assert.True((await snapshot.FindRowAsync(grown.Get("things"), EntityKey.Of(1), None))!.Row["more"].IsNull);
        Assert.Equal(0, await Store.CountRowsAsync(grown.Get("zoo"), None));
    }

    [Fact]
    [Trait("req", "SRV-05")]
    public async Task The_first_secret_of_a_name_is_kept()
    {
        Assert.Equal(1, Assert.Single(await Store.KeepSecretAsync("k", [1], None)));
        Assert.Equal(1, Assert.Single(await Store.KeepSecretAsync("k", [2], None)));
        Assert.Equal(3, Assert.Single(await Store.KeepSecretAsync("other", [3], None)));
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    private static Row Thing(long id, string name, Value? value = null) => new(Things, [Value.Integer(id), Value.Text(name), value ?? Value.Null]);

    private static Row Link(string a, long b) => new(Links, [Value.Text(a), Value.Integer(b)]);

    private static RecordedVerdict Verdict(long version) => new(PushingDevice.NewId(), [1, 2, 3], "things", "1"u8.ToArray(), "1"u8.ToArray(), version, null);

    private static string Text(StoredChange change) => change.Type.Name + " " + string.Join(' ', change.Key.Parts.ToArray().Select(p => p.Kind == ValueKind.Text ? p.AsText : p.ToString()));

    private static Value ToValue(object value) => value switch
    {
        long number => Value.Integer(number),
        double real => Value.Real(real),
        byte[] bytes => Value.Blob(bytes),
        _ => Value.Text((string)value),
    };

    private static ChangesRange Range(IStoreSnapshot snapshot, ChangePlace links = default, ChangePlace things = default, long? until = null) =>
        new([(Links, links), (Things, things)], until ?? snapshot.State!.Head.Position);

    private static async Task<List<StoredChange>> ChangesAsync(IStoreSnapshot snapshot, ChangePlace links = default, ChangePlace things = default, long? until = null, int countMax = 1000)
    {
        var sink = new Sink(countMax);
        await snapshot.ReadChangesAsync(Range(snapshot, links, things, until), sink, None);
        return sink.Changes;
    }

    private async Task ModelAsync()
    {
        if (await Store.GetModelAsync(None) is null)
        {
            await Store.PutModelAsync(Model, None);
        }
    }

    private async Task<Mark> WriteAsync(SpaceId space, Func<IStoreTransaction, ValueTask> work, long atLeast = 0)
    {
        await ModelAsync();
        await using var transaction = await Store.WriteAsync(space, new Position(atLeast), None);
        await work(transaction);
        var mark = await transaction.SealAsync(None);
        await transaction.CommitAsync(None);
        return mark;
    }

    private Task<Mark> WriteAsync(SpaceId space, Func<IStoreTransaction, Task> work) => WriteAsync(space, t => new ValueTask(work(t)));

    private sealed class Sink(int countMax) : IChangeSink
    {
        public List<StoredChange> Changes { get; } = [];

        public bool TryAdd(in StoredChange change)
        {
            if (Changes.Count == countMax)
            {
                return false;
            }

            Changes.Add(change);
            return true;
        }
    }
}
