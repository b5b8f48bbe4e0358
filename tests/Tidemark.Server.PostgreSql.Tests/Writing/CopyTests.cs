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
                await transaction.UpsertAsync(row, row.Key == EntityKey.Of("k1") ? origin : default, None);
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
    [Trait("req", "CUR-04")]
    public async Task Rows_of_a_push_that_another_program_overtakes_get_the_later_position()
    {
        var device = await DeviceAsync();
        Mark mark;
        await using (var transaction = await Store.WriteAsync(Space, Position.None, None))
        {
            var boxes = Model.Get("boxes");
            for (var n = 0; n < Many; n++)
            {
                await transaction.UpsertAsync(new Row(boxes, [Value.Text("b" + n), Value.Null, Value.Null]), default, None);
            }

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
        _ => Value.Text("é😀 \u0001 " + n),
    };
}
