using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Xunit;

namespace Tidemark.Testing.Server;

/// <summary>Checksums of types and of ranges of keys, whatever the store.</summary>
[Trait("req", "PULL-11")]
public abstract class ChecksumContract : ServerContract
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly SyncModel Model = new SyncModelBuilder()
        .Entity("notes", e => e.Field("id", FieldType.Text).Field("title", FieldType.Text).Key("id"))
        .Entity("pairs", e => e.Field("a", FieldType.Integer).Field("b", FieldType.Text).Key("a", "b"))
        .Build();

    protected ChecksumContract()
        : base(Model)
    {
    }

    [Fact]
    public async Task Ranges_hold_every_row_once_and_say_where_two_sets_differ()
    {
        var device = await FilledAsync();
        var whole = (await AskAsync(device)).Types["notes"];
        var ranges = (await AskAsync(device, bits: 6)).Types;
        Assert.Equal((whole.Rows, whole.Digest), (ranges["notes"].Rows, ranges["notes"].Digest));
        Assert.Equal(whole.Rows, ranges["notes"].Ranges!.Sum(r => r.Rows));
        Assert.Equal(3, ranges["pairs"].Ranges!.Sum(r => r.Rows));

        var listed = new List<RowChecksum>();
        foreach (var range in ranges["notes"].Ranges!)
        {
            var rows = (await AskAsync(device, 6, [range.Range])).Types["notes"].Listed!;
            Assert.Equal(range.Rows, rows.Count);
            var sum = default(SetDigest);
            foreach (var row in rows)
            {
                sum.Add(Convert.FromHexString(row.Digest));
            }

            Assert.Equal(range.Digest, sum.ToString());
            listed.AddRange(rows);
        }

        Assert.Equal(whole.Rows, listed.Select(r => r.EntityId).Distinct().Count());
        var row1 = (await device.PageAsync()).Changes.Single(c => c.Type!.Name == "notes" && c.Key[0].AsText == "n7");
        await device.PushAsync(device.Update("notes", row1.Key, row1.Version, "title", "other"));
        var after = (await AskAsync(device, bits: 6)).Types["notes"].Ranges!;
        Assert.Single(after, r => !ranges["notes"].Ranges!.Contains(r));
    }

    [Fact]
    [Trait("req", "SRV-10")]
    public async Task They_are_the_same_after_tombstones_verdicts_and_marks_were_forgotten()
    {
        var device = await FilledAsync();
        var gone = (await device.PageAsync()).Changes.First(c => c.Type!.Name == "notes");
        await device.PushAsync(device.Delete("notes", gone.Key, gone.Version));
        var before = await AskAsync(device, bits: 4);
        Time.Advance(TimeSpan.FromDays(200));
        Assert.Equal(1, await Server.CompactAsync(None));
        var after = await AskAsync(device, bits: 4);
        Assert.Equal(before.Types["notes"].Digest, after.Types["notes"].Digest);
        Assert.Equal(before.Types["notes"].Ranges!, after.Types["notes"].Ranges!);
        Assert.Equal(0, await Server.CompactAsync(None));
    }

    [Fact]
    [Trait("req", "SRV-07")]
    public async Task Ranges_that_are_none_are_refused()
    {
        var device = await FilledAsync();
        foreach (var (bits, within) in new (int?, int[]?)[] { (0, null), (17, null), (-1, null), (4, [16]), (4, [-1]), (null, [0]) })
        {
            Assert.Equal(ErrorCodes.BadRequest, (await Assert.ThrowsAsync<ServerException>(() => AskAsync(device, bits, within))).Problem.Code);
        }
    }

    private async Task<PushingDevice> FilledAsync()
    {
        var device = await DeviceAsync();
        await device.PushAsync([.. Enumerable.Range(0, 300).Select(i => device.Create("notes", ["n" + i, "t" + i])), .. Enumerable.Range(0, 3).Select(i => device.Create("pairs", [i, "b"]))]);
        return device;
    }

    private Task<ChecksumsResponse> AskAsync(PushingDevice device, int? bits = null, IReadOnlyList<int>? within = null) =>
        Server.GetChecksumsAsync(device.Caller, new ChecksumsRequest { RangeBits = bits, Within = within }, None);
}
