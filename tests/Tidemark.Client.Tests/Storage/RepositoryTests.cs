using Tidemark.Client.Engines;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Cursors;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.Storage;

/// <summary>Each repository over a real file.</summary>
public sealed class RepositoryTests
{
    [Fact]
    [Trait("req", "STO-03")]
    [Trait("req", "CUR-01")]
    public async Task A_cursor_moves_forward_and_a_step_back_changes_nothing()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Notes);
        var cursors = store.Session.Cursors;
        cursors.Advance("note", new EntityCursor(new Position(10), "\"a\""));
        cursors.Advance("note", new EntityCursor(new Position(12), "\"b\""));
        Assert.Throws<CursorBackwardException>(() => cursors.Advance("note", new EntityCursor(new Position(11), "\"z\"")));
        Assert.Equal(new EntityCursor(new Position(12), "\"b\""), cursors.ReadAll()["note"]);
    }

    [Fact]
    [Trait("req", "STO-03")]
    [Trait("req", "PULL-05")]
    public async Task The_safe_cursor_stays_before_the_oldest_row_put_aside_and_holds_no_other_type()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Authors);
        var s = store.Session;
        s.Cursors.Advance("author", new EntityCursor(new Position(100), "1"));
        s.Cursors.Advance("book", new EntityCursor(new Position(100), "1"));
        s.Aside.Put("book", "7", 40, AsideCause.ParentMissing, null, "{}"u8.ToArray(), 1);
        Assert.Equal(39, s.Cursors.ReadSafe()["book"]);
        Assert.Equal(100, s.Cursors.ReadSafe()["author"]);
    }

    [Fact]
    [Trait("req", "STO-04")]
    public async Task The_id_map_answers_both_ways_and_by_index()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Authors);
        var map = store.Session.IdMap;
        map.Save(1, "19", "25", 1);
        Assert.Equal("25", map.ServerIdOf(1, "19"));
        Assert.Equal("19", map.ClientIdOf(1, "25"));
        Assert.Null(map.ServerIdOf(2, "19"));
        var plan = store.Session.Db.Query("EXPLAIN QUERY PLAN SELECT client_id FROM _tm_idmap WHERE remote = 1 AND type = 1 AND server_id = '25'", s => s.ColumnText(3)!);
        Assert.All(plan, p => Assert.StartsWith("SEARCH", p, StringComparison.Ordinal));
    }

    [Fact]
    [Trait("req", "STO-05")]
    public async Task A_tombstone_is_pending_then_synced_with_its_version_or_failed()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Notes);
        var tombstones = store.Session.Tombstones;
        var key = EntityKey.Of("n");
        tombstones.Save(1, key, 0, TombstoneStatus.Pending, 1, null);
        Assert.Equal(TombstoneStatus.Pending, tombstones.Find(1, key));
        tombstones.Mark(1, key, TombstoneStatus.Failed);
        Assert.Equal(TombstoneStatus.Failed, tombstones.Find(1, key));
        tombstones.Save(1, key, 44, TombstoneStatus.Synced, 2, null);
        Assert.Equal(44, tombstones.VersionOf(1, key));
        Assert.Equal(TombstoneStatus.Synced, tombstones.Find(1, key));
    }

    [Fact]
    [Trait("req", "STO-06")]
    [Trait("req", "CUR-02")]
    public async Task The_batch_context_collects_touched_ids_and_defers_cursors()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Authors);
        var context = new SyncBatchContext(Guid.NewGuid());
        context.TouchSource(store.Table("book"), EntityKey.Of(1));
        context.TouchTarget(store.Table("author"), EntityKey.Of(2));
        context.DeferCursor("book", new EntityCursor(new Position(5), "1"));
        Assert.Throws<CursorBackwardException>(() => context.DeferCursor("book", new EntityCursor(new Position(4), "1")));
        Assert.Equal(["author", "book"], context.ChangedTypes);
        Assert.Empty(store.Session.Cursors.ReadAll().Cursors);
        context.ClearTouched();
        Assert.Empty(context.TouchedSourceIds);
        Assert.Single(context.DeferredCursors);
    }

    [Fact]
    [Trait("req", "STO-02")]
    [Trait("req", "STO-18")]
    public async Task A_command_that_is_answered_twice_ends_once()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Notes + "INSERT INTO note VALUES('a', '', '', NULL);");
        var outbox = store.Session.Outbox;
        var command = new StoredCommand { Id = Guid.NewGuid(), Type = 1, Key = "\"a\"", Operation = Tidemark.Model.Protocol.Operation.Create, Payload = [1], Hash = [2], Events = 1, FirstSeq = 1 };
        outbox.Insert(command, 0);
        outbox.Consume([.. outbox.ReadTouches(0, 100).Select(t => t.Seq)]);
        outbox.Complete([command, command], Counters.Accepted);
        Assert.True(outbox.ReadLedger().AddsUp, outbox.ReadLedger().ToString());
    }

    [Fact]
    [Trait("req", "PUSH-01")]
    public async Task Consumed_touches_never_give_their_numbers_back_and_the_ledger_adds_up()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Notes + "INSERT INTO note VALUES('a', '', '', NULL), ('b', '', '', NULL);");
        var outbox = store.Session.Outbox;
        var touches = outbox.ReadTouches(0, 100);
        Assert.Equal(2, touches.Count);
        outbox.Consume([.. touches.Select(t => t.Seq)]);
        outbox.Count(Counters.Absorbed, 2);
        Assert.Equal(2, outbox.LastSeq());
        await store.Store.WriteAsync(c => { Tidemark.Sqlite.ConnectionSql.Run(c, "UPDATE note SET title = 'x' WHERE id = 'a'"); return true; }, TestContext.Current.CancellationToken);
        Assert.Equal(3, Assert.Single(outbox.ReadTouches(0, 100), t => t.Type != 0).Seq);
        Assert.True(outbox.ReadLedger().AddsUp, outbox.ReadLedger().ToString());
    }

    [Fact]
    [Trait("req", "STO-18")]
    public async Task Touches_of_another_user_are_neither_read_nor_counted_as_work()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Notes);
        store.Session.Db.Execute("INSERT INTO _tm_context(id, user, space) VALUES(2, 'eve', '')");
        store.Session.Db.Execute("UPDATE _tm_current SET ctx = 2");
        await store.Store.WriteAsync(c => { Tidemark.Sqlite.ConnectionSql.Run(c, "INSERT INTO note VALUES('e', 'of eve', '', NULL)"); return true; }, TestContext.Current.CancellationToken);
        Assert.Empty(store.Session.Outbox.ReadTouches(0, 100));
        Assert.False(store.Session.Outbox.HasWork());
        Assert.Single(new OutboxRepository(store.Session.Db, 1, 2).ReadTouches(0, 100));
    }
}
