using System.Globalization;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Storage;
using Xunit;

namespace Tidemark.Testing.Server;

/// <summary>Recorded verdicts are found by their command alone, whatever a store keeps together. An engine inherits it and says how its store is opened.</summary>
[Trait("req", "PUSH-04")]
public abstract class VerdictContract : IAsyncDisposable
{
    private const int Pushes = 3;
    private const int Commands = 60;
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly SpaceId Home = new("u:anna");
    private static readonly UserId Anna = new("anna");
    private static readonly SyncModel Model = new SyncModelBuilder().Entity("things", e => e.Field("id", FieldType.Text).Key("id")).Build();
    private IServerStore? _store;

    private IServerStore Store => _store ??= OpenStore(new ServerEnvironment { Time = new ManualTime() });

    protected abstract IServerStore OpenStore(ServerEnvironment environment);

    // Made within four seconds, around the end of them, far from each other, and by chance.
    public static TheoryData<string> Ids => ["0197f0aa-b{0:x3}-7000-8000-000000000001", "0197f0aa-{0:x4}-7000-8000-0000000000ff", "0197{0:x4}-0000-7000-8000-000000000{0:x3}", "{1:x8}-0000-4000-8000-000000000{0:x3}"];

    [Theory]
    [MemberData(nameof(Ids))]
    public async Task Every_verdict_is_found_however_the_ids_of_pushes_interleave_and_no_other_is(string pattern)
    {
        for (var push = 0; push < Pushes; push++)
        {
            var part = push;
            await WriteAsync(async t =>
            {
                // In no order.
                foreach (var n in Enumerable.Range(0, Commands).Where(n => n % (Pushes + 1) == part).OrderBy(n => n * 7 % Commands))
                {
                    Assert.Null(await t.FindVerdictAsync(Anna, Id(pattern, n), None));
                    await t.PutVerdictAsync(Anna, Verdict(Id(pattern, n), 1 + n), None);
                }
            });
        }

        await using var snapshot = await Store.ReadAsync(Home, None);
        await using var transaction = await Store.WriteAsync(Home, Position.None, None);
        await transaction.ExpectAsync(new StoreExpectation { User = Anna, Commands = [.. Enumerable.Range(0, Commands).Select(n => Id(pattern, n))] }, None);
        for (var n = 0; n < Commands; n++)
        {
            var expected = n % (Pushes + 1) == Pushes ? (long?)null : 1 + n;
            Assert.Equal(expected, (await snapshot.FindVerdictAsync(Anna, Id(pattern, n), None))?.Version);
            Assert.Equal(expected, (await transaction.FindVerdictAsync(Anna, Id(pattern, n), None))?.Version);
            Assert.Null(await snapshot.FindVerdictAsync(new UserId("ben"), Id(pattern, n), None));
        }
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public async Task A_verdict_put_again_takes_the_place_of_the_former_one_and_of_no_other(string pattern)
    {
        await WriteAsync(async t =>
        {
            for (var n = 0; n < Commands; n++)
            {
                await t.PutVerdictAsync(Anna, Verdict(Id(pattern, n), 1), None);
            }
        });
        await WriteAsync(async t =>
        {
            Assert.NotNull(await t.FindVerdictAsync(Anna, Id(pattern, 7), None));
            await t.PutVerdictAsync(Anna, Verdict(Id(pattern, 7), 2) with { Row = new byte[300_000] }, None);
            await t.PutVerdictAsync(Anna, Verdict(Id(pattern, Commands - 1), 2), None); // Nobody has looked for it.
            await t.PutVerdictAsync(Anna, Verdict(Id(pattern, Commands + 1), 2), None);
        });
        await using var snapshot = await Store.ReadAsync(Home, None);
        for (var n = 0; n < Commands; n++)
        {
            var found = await snapshot.FindVerdictAsync(Anna, Id(pattern, n), None);
            Assert.Equal(n is 7 or Commands - 1 ? 2 : 1, found!.Version);
            Assert.Equal(n == 7 ? 300_000 : null, found.Row?.Length);
        }

        Assert.Null(await snapshot.FindVerdictAsync(Anna, Id(pattern, Commands), None));
        Assert.Equal(Commands + 1, (await snapshot.CountKeptAsync(Retained.From(new Position(long.MaxValue)), None)).Verdicts);
    }

    [Fact]
    public async Task What_is_rolled_back_leaves_no_verdict_and_the_one_from_before()
    {
        var (before, after) = (Id("0197f0aa-{0:x4}-7000-8000-000000000001", 1), Id("0197f0aa-{0:x4}-7000-8000-000000000001", 2));
        await WriteAsync(t => t.PutVerdictAsync(Anna, Verdict(before, 1), None).AsTask());
        await WriteAsync(async t =>
        {
            Assert.NotNull(await t.FindVerdictAsync(Anna, before, None));
            await t.SavepointAsync(None);
            await t.PutVerdictAsync(Anna, Verdict(before, 2), None);
            await t.PutVerdictAsync(Anna, Verdict(after, 2), None);
            Assert.Equal(2, (await t.FindVerdictAsync(Anna, after, None))!.Version);
            await t.RollbackToSavepointAsync(None);
            Assert.Equal(1, (await t.FindVerdictAsync(Anna, before, None))!.Version);
            Assert.Null(await t.FindVerdictAsync(Anna, after, None));
        });
        await using var snapshot = await Store.ReadAsync(Home, None);
        Assert.Equal(1, (await snapshot.FindVerdictAsync(Anna, before, None))!.Version);
        Assert.Null(await snapshot.FindVerdictAsync(Anna, after, None));
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    private static Guid Id(string pattern, int n) => Guid.Parse(string.Format(CultureInfo.InvariantCulture, pattern, n, unchecked((uint)n * 2654435761)));

    private static RecordedVerdict Verdict(Guid id, long version) => new(id, [(byte)version, 2, 3], "things", "\"a\""u8.ToArray(), "\"b\""u8.ToArray(), version, null);

    private async Task WriteAsync(Func<IStoreTransaction, Task> work)
    {
        if (await Store.GetModelAsync(None) is null)
        {
            await Store.PutModelAsync(Model, None);
        }

        await using var transaction = await Store.WriteAsync(Home, Position.None, None);
        await work(transaction);
        await transaction.SealAsync(None);
        await transaction.CommitAsync(None);
    }
}
