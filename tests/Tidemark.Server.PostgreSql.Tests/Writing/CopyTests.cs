using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;
using Tidemark.Testing.Server;

namespace Tidemark.Server.PostgreSql.Tests.Writing;

/// <summary>Many new rows at once go another way than few.</summary>
[Trait("req", "SRV-02")]
public sealed class CopyTests : PostgresWorld
{
    private const int Many = 300;
    private static readonly SpaceId Space = new("u:anna");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Values_of_every_type_come_back_as_they_were(bool isCopied)
    {
        FieldType[] types = [.. Enum.GetValues<FieldType>().Where(t => !isCopied || t != FieldType.Decimal)];
        var model = new SyncModelBuilder().Entity("wide", e => types.Aggregate(e.Field("id", FieldType.Text), (b, t) => b.Field("f" + t, t, f => f with { Nullable = true })).Key("id")).Build();
        var wide = model.Get("wide");
        await Store.PutModelAsync(model, None);
        List<Row> rows = [.. Enumerable.Range(0, Many).Select(n => new Row(wide, [Value.Text("k" + n), .. types.Select(t => n % 3 == 0 ? Value.Null : ValueOf(t, n))]))];
        var origin = new RowOrigin("d", Guid.Parse("0197f0aa-b000-7000-8000-000000000001"), 5, Guid.Parse("0197f0aa-b000-7000-8000-000000000002"));
        await using (var transaction = await Store.WriteAsync(Space, Position.None, None))
        {
            foreach (var row in rows)
            {
                await transaction.SavepointAsync(None);
                await transaction.UpsertAsync(row, row.Key == EntityKey.Of("k1") ? origin : default, None);
                await transaction.ReleaseSavepointAsync(None);
            }

            await transaction.SealAsync(None);
            await transaction.CommitAsync(None);
        }

        await using var snapshot = await Store.ReadAsync(Space, None);
        foreach (var row in rows)
        {
            var stored = (await snapshot.FindRowAsync(wide, row.Key, None))!;
            Assert.True(row.SameAs(stored.Row), row.Key.ToString());
            Assert.Equal(snapshot.State!.Head.Position, stored.Version);
            Assert.Equal(row.Key == EntityKey.Of("k1") ? origin : default, stored.Origin);
        }

        var passedOn = new UnreadRows();
        await snapshot.ReadChangesAsync(new ChangesRange([(wide, new ChangePlace(0, null))], long.MaxValue), passedOn, None);
        Assert.Equal(Many, passedOn.Count);
    }

    [Fact]
    public async Task A_row_that_another_program_has_made_meanwhile_is_met_and_the_others_are_written_once()
    {
        var device = await DeviceAsync();
        await using var program = await ProgramAsync();
        await SqlAsync(program, "BEGIN; INSERT INTO boxes(space_id, id, name) VALUES ('u:anna', 'b7', 'by SQL')");
        var push = device.PushAsync([.. Enumerable.Range(0, Many).Select(n => device.Create("boxes", ["b" + n, "B" + n, n]))]);
        await Eventually.TrueAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM pg_locks WHERE NOT granted"))! > 0, "the push waits for the row");
        await SqlAsync(program, "COMMIT");
        var answer = await push;
        Assert.Equal(Many - 1, answer.Successful.Count);
        Assert.Equal("\"b7\"", System.Text.Encoding.UTF8.GetString(Assert.Single(answer.Conflicts).EntityId.Utf8.Span));
        Assert.Equal((long)Many, await SqlAsync("SELECT count(*) FROM boxes"));
        Assert.Equal(Many, (await PullAsync(device)).Changes.Count);
        Assert.Equal(0L, await SqlAsync("SELECT count(*) FROM _tm_touched"));
    }

    [Fact]
    public async Task A_row_and_a_tombstone_among_keys_that_were_hoped_to_be_new_are_met()
    {
        var device = await DeviceAsync();
        var made = await device.PushAsync(device.Create("boxes", ["b3", "B3", 3]), device.Create("boxes", ["b4", "of before", 4]), device.Create("boxes", ["b5", "B5", 5]));
        await device.PushAsync(device.Delete("boxes", EntityKey.Of("b5"), made.Mark.Position));
        var answer = await device.PushAsync([.. Enumerable.Range(0, Many).Select(n => device.Create("boxes", ["b" + n, "B" + n, n]))]);
        Assert.Equal("\"b4\"", System.Text.Encoding.UTF8.GetString(Assert.Single(answer.Conflicts).EntityId.Utf8.Span));
        Assert.Equal(made.Mark.Position, answer.Successful[3].Version);
        Assert.Equal(0L, await SqlAsync("SELECT count(*) FROM _tm_gone_boxes"));
        Assert.Equal(Many, (await PullAsync(device)).Changes.Count);
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    public async Task Rows_that_were_sent_while_others_are_decided_on_are_found_changed_and_deleted_by_the_same_push()
    {
        var device = await DeviceAsync();
        PushCommand[] made = [.. Enumerable.Range(0, Many).Select(n => device.Create("boxes", ["b" + n, "B" + n, n]))];
        PushCommand[] others =
        [
            device.Update("boxes", EntityKey.Of("b3"), null, "size", 77, after: made[3].Id),
            device.Delete("boxes", EntityKey.Of("b4"), null) with { After = made[4].Id },
            device.Create("boxes", ["new", "B5", 1]), // Its name is taken.
            device.Create("boxes", ["b6", "other", 6]), // So is its key.
            device.Create("boxes", ["in", "free", 1], group: "g"),
            device.Delete("boxes", EntityKey.Of("b7"), null, group: "g") with { After = made[7].Id },
            device.Create("boxes", ["out", "free", 1], group: "h"), // Taken by now; what stands with it is taken back.
            device.Delete("boxes", EntityKey.Of("b8"), null, group: "h") with { After = made[8].Id },
            .. Enumerable.Range(0, Many).Select(n => device.Create("things", [n + 1, "b" + (n % 3), "t"])),
        ];
        var answer = await device.PushAsync([.. made, .. others]);
        Assert.Equal((Many * 2) + 4, answer.Successful.Count);
        Assert.Equal(3, answer.Failed.Count);
        Assert.Single(answer.Conflicts);

        var (changes, _) = await PullAsync(device);
        Assert.All(changes, c => Assert.Equal(answer.Mark.Position, c.Version));
        var boxes = changes.Where(c => c.Type!.Name == "boxes").ToDictionary(c => c.Key[0].AsText, c => c.Row);
        Assert.Equal(Many + 1, boxes.Count);
        Assert.Equal(77, boxes["b3"]!["size"].AsInteger);
        Assert.Equal(8, boxes["b8"]!["size"].AsInteger);
        Assert.Null(boxes["b4"]);
        Assert.Null(boxes["b7"]);
        Assert.NotNull(boxes["in"]);
        Assert.Equal(Many - 1L, await SqlAsync("SELECT count(*) FROM boxes"));
        Assert.Equal((long)Many, await SqlAsync("SELECT count(*) FROM things"));
    }

    [Fact]
    public async Task A_push_that_is_given_up_after_rows_were_sent_leaves_none_of_them()
    {
        var boxes = (await DeviceAsync()).Create("boxes", ["a", "A", 1]).Type;
        await using (var transaction = await Store.WriteAsync(Space, Position.None, None))
        {
            await FillAsync(transaction, boxes);
        }

        Assert.Equal(0L, await SqlAsync("SELECT count(*) FROM boxes"));
        await using var next = await Store.WriteAsync(Space, Position.None, None);
        Assert.Null(await next.FindRowAsync(boxes, EntityKey.Of("b1"), None));
    }

    [Fact]
    [Trait("req", "CUR-04")]
    public async Task Rows_of_a_push_that_another_program_overtakes_get_the_later_position()
    {
        var device = await DeviceAsync();
        Mark mark;
        await using (var transaction = await Store.WriteAsync(Space, Position.None, None))
        {
            await FillAsync(transaction, Model.Get("boxes"));

            // Its position is of a later time than the transaction's.
            await SqlAsync("INSERT INTO boxes(space_id, id, name) VALUES ('u:anna', 'z', 'by SQL')");
            mark = await transaction.SealAsync(None);
            await transaction.CommitAsync(None);
        }

        var (changes, _) = await PullAsync(device);
        Assert.Equal(Many + 1, changes.Count);
        Assert.Equal("z", changes[0].Key[0].AsText);
        Assert.All(changes.Skip(1), c => Assert.Equal(mark.Position, c.Version));
    }

    // Group by group, as a push does it.
    private static async Task FillAsync(IStoreTransaction transaction, EntityType boxes)
    {
        for (var n = 0; n < Many; n++)
        {
            await transaction.SavepointAsync(None);
            await transaction.UpsertAsync(new Row(boxes, [Value.Text("b" + n), Value.Null, Value.Null]), default, None);
            await transaction.ReleaseSavepointAsync(None);
        }
    }

    private static Value ValueOf(FieldType type, int n) => type switch
    {
        FieldType.Integer => Value.Integer(n % 2 == 0 ? long.MinValue + n : n),
        FieldType.Boolean => Value.Integer(n % 2),
        FieldType.Real => Value.Real(n * -1.5e300),
        FieldType.Blob => Value.Blob([0, 255, (byte)n]),
        FieldType.Uuid => Value.Text($"0197f0aa-b000-7000-8000-{n:x12}"),
        FieldType.Decimal => Value.Text($"{n}.5"),
        FieldType.Timestamp => Value.Text("2026-11-22T10:00:00.1234567Z"),
        FieldType.Json => Value.Text($"{{\"a\":[{n},\"é\"]}}"),
        FieldType.Exact => (n % 4) switch { 0 => Value.Integer(n), 1 => Value.Real(n), 2 => Value.Text("é😀 " + n), _ => Value.Blob([(byte)n]) },
        _ => Value.Text("é😀 \u0001 \"\\\n" + n),
    };

    /// <summary>Compares what is passed on as it lies there with what is read and written.</summary>
    private sealed class UnreadRows : IChangeSink
    {
        public int Count { get; private set; }

        public bool TryAdd(in StoredChange change) => throw new InvalidOperationException("A live row of one type is not read.");

        public bool TryAdd(in StoredChange change, IUnreadRow row)
        {
            using var unread = new ChangesPageWriter();
            using var read = new ChangesPageWriter();
            unread.Add(change.Type, change.Key, change.Version, null, row, change.Origin.MadeBy, change.Origin.Offered);
            read.Add(change.Type, Operation.Update, change.Key, change.Version, null, row.Read(), change.Origin.MadeBy, change.Origin.Offered);
            var tail = new ChangesPageTail { NextCursor = "", Cursors = new Dictionary<string, string>(), EntityCursors = new Dictionary<string, WireEntityCursor>(), Until = 0, HasMore = false, EstimatedRemaining = 0, Epoch = "", Mark = new Mark(0, "") };
            Assert.Equal(System.Text.Encoding.UTF8.GetString(read.Finish(tail).Span), System.Text.Encoding.UTF8.GetString(unread.Finish(tail).Span));
            Count++;
            return true;
        }
    }
}
