using System.Globalization;
using Tidemark.Server.PostgreSql.Verdicts;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Tests.Verdicts;

[Trait("req", "PUSH-04")]
public sealed class VerdictPackTests
{
    [Fact]
    public void A_verdict_comes_back_with_all_it_had()
    {
        RecordedVerdict[] verdicts =
        [
            new(Id(1), [1, 2, 3], "boxes", "\"a\""u8.ToArray(), "\"a\""u8.ToArray(), 5, null),
            new(Id(2), [], "Dinge für später", "1"u8.ToArray(), "[\"x\",2]"u8.ToArray(), long.MaxValue, "{}"u8.ToArray()),
            new(Id(3), new byte[32], "boxes", [], [1], 0, []),
        ];
        var pack = Assert.Single(VerdictPack.Of([verdicts[2], verdicts[0], verdicts[1]], pendingVersion: 0, position: 77));
        Assert.Equal((Id(1), Id(3), 3), (pack.First, pack.Last, pack.Commands));
        Assert.Equivalent(verdicts.Select(v => v.Version == 0 ? v with { Version = 77 } : v), VerdictPack.Read(pack.Bytes), strict: true);
    }

    [Fact]
    public void A_pack_ends_with_its_four_seconds_and_when_it_is_full()
    {
        var last = new Guid("0197f0aa-bfff-7fff-bfff-ffffffffffff");
        Assert.Equal(new Guid("0197f0aa-bfff-ffff-ffff-ffffffffffff"), VerdictPack.EndOfSpan(last));
        Guid[] ids = [new("0197f0aa-b000-7000-8000-000000000000"), last, new("0197f0aa-c000-7000-8000-000000000000"), new("1197f0aa-c000-7000-8000-000000000000")];
        Assert.Equal([2, 1, 1], VerdictPack.Of([.. ids.Select(i => Verdict(i, 10))], 0, 1).Select(p => p.Commands));
        Assert.Equal([2, 2, 1], VerdictPack.Of([.. Enumerable.Range(1, 5).Select(n => Verdict(Id(n), VerdictPack.BytesMax / 2))], 0, 1).Select(p => p.Commands));
        Assert.Empty(VerdictPack.Of([], 0, 1));
    }

    private static Guid Id(int n) => Guid.Parse(string.Create(CultureInfo.InvariantCulture, $"0197f0aa-b000-7000-8000-{n:x12}"));

    private static RecordedVerdict Verdict(Guid id, int rowBytes) => new(id, [1], "boxes", [1], [1], 1, new byte[rowBytes]);
}
