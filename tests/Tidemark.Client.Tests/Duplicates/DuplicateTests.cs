using Tidemark.Client.Coordination;
using Tidemark.Client.Duplicates;
using Tidemark.Client.Errors;
using Tidemark.Client.Inbox;
using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Queries;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server;

namespace Tidemark.Client.Tests.Duplicates;

/// <summary>Rows that describe the same thing are found and become one, with everything that refers to them, on all devices.</summary>
public sealed class DuplicateTests
{
    private const string Library = """
        CREATE TABLE author(id TEXT PRIMARY KEY, name TEXT COLLATE NOCASE, born TEXT, site TEXT, visits INTEGER, mentor TEXT REFERENCES author(id) ON DELETE SET NULL);
        CREATE TABLE book(id TEXT PRIMARY KEY, title TEXT, author TEXT NOT NULL REFERENCES author(id) ON DELETE CASCADE, editor TEXT REFERENCES author(id) ON DELETE SET NULL);
        CREATE TABLE prize(author TEXT NOT NULL REFERENCES author(id) ON DELETE CASCADE, year INTEGER NOT NULL, name TEXT, PRIMARY KEY(author, year));
        CREATE TABLE speech(id TEXT PRIMARY KEY, prize_author TEXT NOT NULL, prize_year INTEGER NOT NULL, text TEXT, FOREIGN KEY(prize_author, prize_year) REFERENCES prize(author, year) ON DELETE CASCADE);
        CREATE TABLE label(id TEXT PRIMARY KEY, author TEXT NOT NULL REFERENCES author(id) ON DELETE CASCADE, word TEXT, note TEXT, UNIQUE(author, word));
        """;

    private const string Rows = """
        INSERT INTO author VALUES('a1', 'Le Guin', '1929', NULL, 3, NULL), ('a2', 'le guin', '1929', 'ursula.org', 4, 'a1'), ('m', 'Other', '1900', NULL, 0, 'a2');
        INSERT INTO book VALUES('b1', 'Left Hand', 'a1', NULL), ('b2', 'Dispossessed', 'a2', 'a2'), ('b3', 'Edited', 'm', 'a2');
        INSERT INTO prize VALUES('a1', 1970, 'Hugo'), ('a2', 1970, NULL), ('a2', 1975, 'Nebula');
        INSERT INTO speech VALUES('s1', 'a2', 1970, 'one'), ('s2', 'a2', 1975, 'two');
        INSERT INTO label VALUES('l1', 'a1', 'sf', NULL), ('l2', 'a2', 'sf', 'kept'), ('l3', 'a2', 'essay', NULL);
        """;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("req", "RUN-15")]
    [Trait("req", "OPS-08")]
    [Trait("req", "OPS-13")]
    public async Task Duplicates_stand_in_the_inbox_are_merged_there_and_both_rows_tell_their_story()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        await using var inbox = new NeedsYouInbox(a.Store, showsDuplicates: true);
        await inbox.Ready.WaitAsync(Watching.Deadline, Token);
        var item = Assert.Single(inbox.Items);
        Assert.Equal((InboxItemKind.Duplicate, "Le Guin", "2 rows have the same name and born."), (item.Kind, item.Title, item.Reason));
        Assert.Equal(["author le guin"], item.Dependents);
        Assert.Equal(["name", "site", "visits", "mentor"], item.Fields.Select(f => f.Name));
        await Assert.ThrowsAsync<ArgumentException>(() => inbox.KeepMineAsync(item, Token));
        await using (var plain = new NeedsYouInbox(a.Store))
        {
            await plain.Ready.WaitAsync(Watching.Deadline, Token);
            Assert.Equal(0, plain.Count);
        }

        var gone = new TaskCompletionSource();
        inbox.Changed += (_, _) => gone.TrySetResult();
        Assert.Equal(3, (await inbox.MergeAsync(item, Token)).Merged.Count);
        await gone.Task.WaitAsync(Watching.Deadline, Token);
        Assert.Equal(0, inbox.Count);
        var inspector = new StoreInspector(a.Store);
        Assert.Contains("merged into it (record", Assert.Single(inspector.Explain("author", "a2").Events, e => e.Kind == "merged").Text, StringComparison.Ordinal);
        Assert.EndsWith("the server has not heard of it yet.", Assert.Single(inspector.Explain("author", "a1").Events, e => e.Kind == "merged").Text, StringComparison.Ordinal);
        await Steps.UntilQuietAsync(a, b);
        Assert.EndsWith("the server knows it.", Assert.Single(inspector.Explain("author", "a1").Events, e => e.Kind == "merged").Text, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "RUN-15")]
    public async Task Duplicates_become_one_row_with_all_references_on_every_device()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        var found = await new StoreDuplicates(a.Store).FindAsync(cancellationToken: Token);
        var group = Assert.Single(found.Groups);
        Assert.Equal(("author", "name, born", 1, true), (group.Type, string.Join(", ", group.Fields), found.Total, found.IsFullyFetched));
        Assert.Equal(["\"a1\"", "\"a2\""], group.Rows.Select(r => r.Key.ToString()));
        Assert.Equal([4L, 8L], group.Rows.Select(r => r.References));

        var report = await new StoreDuplicates(a.Store).MergeAsync(group, Token);
        Assert.Equal(3, report.Merged.Count); // The author, the prize of 1970, the label.
        Assert.Empty((await new StoreDuplicates(a.Store).FindAsync(cancellationToken: Token)).Groups);
        await Steps.UntilQuietAsync(a, b);
        foreach (var device in new[] { a, b })
        {
            Assert.Equal(["a1|Le Guin|1929|ursula.org|3|NULL", "m|Other|1900|NULL|0|a1"], device.Rows("SELECT * FROM author ORDER BY id"));
            Assert.Equal(["b1|a1|NULL", "b2|a1|a1", "b3|m|a1"], device.Rows("SELECT id, author, editor FROM book ORDER BY id"));
            Assert.Equal(["a1|1970|Hugo", "a1|1975|Nebula"], device.Rows("SELECT * FROM prize ORDER BY year"));
            Assert.Equal(["s1|a1|1970", "s2|a1|1975"], device.Rows("SELECT id, prize_author, prize_year FROM speech ORDER BY id"));
            Assert.Equal(["l1|a1|sf|kept", "l3|a1|essay|NULL"], device.Rows("SELECT * FROM label ORDER BY id"));
        }

        Steps.AssertEqual(a, b);
        var records = await new StoreDuplicates(a.Store).MergesAsync(10, Token);
        var author = Assert.Single(records, r => r.Type == "author");
        Assert.Equal(MergeState.Done, author.State);
        Assert.Equal(("le guin", 4L, "a1"), (author.Gone!["name"].AsText, author.Gone["visits"].AsInteger, author.Gone["mentor"].AsText));
        Assert.Contains(author.Fields, f => f.Field == "visits" && f.Note is not null);
        Assert.Contains(author.Moved, m => m is { Type: "book", Key: "\"b3\"" });
    }

    [Theory]
    [InlineData(DeletePolicy.UpdateWins)]
    [InlineData(DeletePolicy.DeleteWins)]
    [Trait("req", "RUN-15")]
    [Trait("req", "CON-10")]
    public async Task Two_devices_that_merge_the_same_rows_at_once_end_equal(DeletePolicy policy)
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world, policy);
        await new StoreDuplicates(a.Store).MergeAllAsync(cancellationToken: Token);
        await new StoreDuplicates(b.Store).MergeAllAsync(cancellationToken: Token);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["a1|Le Guin|1929|ursula.org|3|NULL", "m|Other|1900|NULL|0|a1"], b.Rows("SELECT * FROM author ORDER BY id"));
        AssertNothingLost(a);
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(DeletePolicy.UpdateWins)]
    [InlineData(DeletePolicy.DeleteWins)]
    [Trait("req", "RUN-15")]
    public async Task Two_people_who_keep_different_rows_lose_none_and_end_with_one(DeletePolicy policy)
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world, policy);
        await new StoreDuplicates(a.Store).MergeAsync("author", EntityKey.Of("a1"), [EntityKey.Of("a2")], Token);
        await new StoreDuplicates(b.Store).MergeAsync("author", EntityKey.Of("a2"), [EntityKey.Of("a1")], Token);
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
        await new StoreDuplicates(b.Store).MergeAllAsync(cancellationToken: Token);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(1, b.Count("SELECT count(*) FROM author WHERE name = 'Le Guin'"));
        AssertNothingLost(a);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "RUN-15")]
    [Trait("req", "SRV-13")]
    public async Task What_refers_to_the_merged_row_and_this_device_never_saw_follows_on_the_server()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        b.Sql("""
            INSERT INTO book VALUES('b9', 'New', 'a2', 'a2');
            INSERT INTO prize VALUES('a2', 1990, 'Late');
            INSERT INTO speech VALUES('s9', 'a2', 1990, 'late');
            INSERT INTO label VALUES('l9', 'a2', 'poet', NULL);
            """);
        await b.SyncAsync(SyncMode.PushOnly);
        await new StoreDuplicates(a.Store).MergeAllAsync(cancellationToken: Token);
        await a.SyncAsync(SyncMode.PushOnly);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["b9|a1|a1"], a.Rows("SELECT id, author, editor FROM book WHERE id = 'b9'"));
        Assert.Equal(["a1|1990|Late"], a.Rows("SELECT * FROM prize WHERE year = 1990"));
        Assert.Equal(["s9|a1|1990"], a.Rows("SELECT id, prize_author, prize_year FROM speech WHERE id = 's9'"));
        AssertNothingLost(a);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "RUN-15")]
    public async Task A_like_that_this_device_never_saw_brings_the_row_back_and_the_next_merge_takes_both()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        b.Sql("INSERT INTO label VALUES('l8', 'a1', 'late', 'of b'), ('l9', 'a2', 'late', NULL)");
        await b.SyncAsync(SyncMode.PushOnly);
        await new StoreDuplicates(a.Store).MergeAllAsync(cancellationToken: Token);
        await a.SyncAsync(SyncMode.PushOnly);
        Assert.Equal(1, a.Count("SELECT count(*) FROM author WHERE id = 'a2'"));
        Assert.Contains(await new StoreDuplicates(a.Store).MergesAsync(10, Token), r => r is { Type: "author", State: MergeState.Returned });
        await Steps.UntilQuietAsync(a, b);
        await new StoreDuplicates(a.Store).MergeAllAsync(cancellationToken: Token);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["l8|a1|late|of b"], b.Rows("SELECT * FROM label WHERE word = 'late'"));
        Assert.Equal(1, b.Count("SELECT count(*) FROM author WHERE name = 'Le Guin'"));
        AssertNothingLost(a);
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(DeletePolicy.UpdateWins)]
    [InlineData(DeletePolicy.DeleteWins)]
    [Trait("req", "RUN-15")]
    public async Task A_child_made_elsewhere_after_the_merge_is_not_lost_silently(DeletePolicy policy)
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world, policy);
        await new StoreDuplicates(a.Store).MergeAllAsync(cancellationToken: Token);
        await a.SyncAsync();
        b.Sql("INSERT INTO book VALUES('b9', 'New', 'a2', NULL)");
        await Steps.UntilQuietAsync(b, a);
        if (policy == DeletePolicy.UpdateWins)
        {
            Assert.Equal(1, a.Count("SELECT count(*) FROM book WHERE id = 'b9'"));
            await new StoreDuplicates(a.Store).MergeAllAsync(cancellationToken: Token);
            await Steps.UntilQuietAsync(a, b);
            Assert.Equal(["b9|a1"], b.Rows("SELECT id, author FROM book WHERE id = 'b9'"));
        }
        else
        {
            Assert.Contains(new Tidemark.Client.Inspection.StoreInspector(b.Store).Conflicts(10, onlyOpen: false), c => c is { Type: "book", Key: "\"b9\"" });
        }

        AssertNothingLost(a);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "RUN-15")]
    [Trait("req", "PUSH-09")]
    public async Task Edits_that_wait_on_both_rows_and_their_children_survive()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        a.Sql("""
            UPDATE author SET site = 'mine.org' WHERE id = 'a1';
            UPDATE author SET born = NULL WHERE id = 'm';
            UPDATE book SET title = 'The Dispossessed' WHERE id = 'b2';
            INSERT INTO book VALUES('b8', 'Unsent', 'a2', 'a1');
            """);
        b.Sql("UPDATE book SET title = 'seen by b' WHERE id = 'b3'; UPDATE author SET visits = 9 WHERE id = 'a1'");
        await b.SyncAsync();
        var report = await new StoreDuplicates(a.Store).MergeAllAsync(cancellationToken: Token);
        Assert.Equal("ursula.org", report.Merged.Single(m => m.Type == "author").Gone!["site"].AsText);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["a1|mine.org|9"], b.Rows("SELECT id, site, visits FROM author WHERE name = 'Le Guin'"));
        Assert.Equal(["b2|The Dispossessed|a1", "b3|seen by b|m", "b8|Unsent|a1"], b.Rows("SELECT id, title, author FROM book WHERE id > 'b1' ORDER BY id"));
        AssertNothingLost(a);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "RUN-22")]
    [Trait("req", "RUN-15")]
    public async Task Nothing_is_merged_before_everything_was_fetched_once()
    {
        await using var world = await World.StartAsync();
        var a = world.Make("a", Library, Declare(DeletePolicy.UpdateWins));
        a.Sql(Rows);
        var duplicates = new StoreDuplicates(a.Store);
        Assert.False((await duplicates.FindAsync(cancellationToken: Token)).IsFullyFetched);
        var refused = await Assert.ThrowsAsync<SyncException>(() => duplicates.MergeAllAsync(cancellationToken: Token));
        Assert.Equal(SyncErrorCode.NotFetched, refused.Code);
        Assert.Equal(3, a.Count("SELECT count(*) FROM author"));
    }

    [Fact]
    [Trait("req", "RUN-15")]
    public async Task Rows_made_on_two_devices_from_one_source_sample_become_one_also_with_ids_of_the_server()
    {
        const string sql = """
            CREATE TABLE workout(id INTEGER PRIMARY KEY, source TEXT, sample TEXT, note TEXT);
            CREATE TABLE lap(id INTEGER PRIMARY KEY, workout INTEGER NOT NULL REFERENCES workout(id) ON DELETE CASCADE, length INTEGER);
            """;
        await using var world = await World.StartAsync();
        var a = world.Make("a", sql, t => t.Name == "workout" ? t with { NaturalKeys = [new NaturalKey { Fields = ["source", "sample"] }] } : t);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO workout VALUES(1, 'watch', 'x-1', NULL); INSERT INTO lap VALUES(1, 1, 400)");
        b.Sql("INSERT INTO workout VALUES(1, 'watch', 'x-1', 'of b'); INSERT INTO lap VALUES(1, 1, 500)");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(2, a.Count("SELECT count(*) FROM workout"));
        a.Sql("INSERT INTO workout VALUES(77, 'watch', 'x-1', 'unsent'); INSERT INTO lap VALUES(77, 77, 600)");
        var group = Assert.Single((await new StoreDuplicates(a.Store).FindAsync(cancellationToken: Token)).Groups);
        Assert.Equal([true, true, false], group.Rows.Select(r => r.IsSynced));
        await new StoreDuplicates(a.Store).MergeAsync(group, Token);
        await new StoreDuplicates(b.Store).MergeAllAsync(cancellationToken: Token);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|of b"], b.Rows("SELECT id, note FROM workout"));
        Assert.Equal(["1|400", "1|500", "1|600"], b.Rows("SELECT workout, length FROM lap ORDER BY length"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "RUN-15")]
    [Trait("req", "PUSH-08")]
    public async Task A_dead_letter_of_the_row_that_goes_is_settled_with_it()
    {
        await using var world = await World.StartAsync(new ServerOptions { Dev = true, Limits = new() { RowBytesMax = 20_000 } });
        var (a, b) = await StartAsync(world);
        a.Sql("INSERT INTO author VALUES('a0', 'Le Guin', '1929', hex(zeroblob(15000)), 1, NULL); INSERT INTO book VALUES('b7', 'Waiting', 'a0', NULL)");
        await a.SyncAsync();
        Assert.Single(new Tidemark.Client.Inspection.StoreInspector(a.Store).DeadLetters());
        var group = Assert.Single((await new StoreDuplicates(a.Store).FindAsync(cancellationToken: Token)).Groups);
        Assert.True(group.Rows.Single(r => r.Key == EntityKey.Of("a0")).IsDead);
        await new StoreDuplicates(a.Store).MergeAsync(group, Token);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["b7|a1"], b.Rows("SELECT id, author FROM book WHERE id = 'b7'"));
        Assert.Equal(0, b.Count("SELECT count(*) FROM author WHERE id IN ('a0', 'a2')"));
        AssertNothingLost(a);
        Steps.AssertEqual(a, b);
    }

    private static async Task<(Device A, Device B)> StartAsync(World world, DeletePolicy policy = DeletePolicy.UpdateWins)
    {
        var a = world.Make("a", Library, Declare(policy));
        var b = world.Clone("b", a);
        a.Sql(Rows);
        await Steps.UntilQuietAsync(a, b);
        return (a, b);
    }

    private static Func<EntityType, EntityType> Declare(DeletePolicy policy) => type => type.Name == "author"
        ? type with
        {
            DeletePolicy = policy,
            NaturalKeys = [new NaturalKey { Fields = ["name", "born"] }],
            Fields = [.. type.Fields.Select(f => f.Name == "visits" ? f with { Policy = FieldPolicy.Counter } : f)],
        }
        : type with { DeletePolicy = policy };

    // Every book, prize, speech and word is still there, and stands below an author that is.
    private static void AssertNothingLost(Device device)
    {
        Assert.Equal(3, device.Count("SELECT count(*) FROM book WHERE id IN ('b1', 'b2', 'b3')"));
        Assert.Equal(2, device.Count("SELECT count(DISTINCT year) FROM prize WHERE year < 1980"));
        Assert.Equal(2, device.Count("SELECT count(*) FROM speech WHERE id IN ('s1', 's2')"));
        Assert.Equal(2, device.Count("SELECT count(DISTINCT word) FROM label WHERE word IN ('sf', 'essay')"));
        Assert.Equal("kept", device.Scalar("SELECT max(note) FROM label WHERE word = 'sf'").AsText);
        Assert.Equal(0, device.Count("SELECT count(*) FROM pragma_foreign_key_check"));
    }
}
