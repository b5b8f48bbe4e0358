using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Access;
using Tidemark.Server.Storage;
using Xunit;

namespace Tidemark.Testing.Server;

/// <summary>What whoever runs a server is told of it: dead letters on devices, and what is kept until the retention is over.</summary>
public abstract class AdministrationContract() : ServerContract(Model)
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly SyncModel Model = new SyncModelBuilder()
        .Entity("notes", e => e.Field("id", FieldType.Text).Field("text", FieldType.Text).Key("id"))
        .Entity("boxes", e => e.Field("id", FieldType.Integer).Field("name", FieldType.Text).Key("id").ServerAssigned())
        .Build();

    private AccessService Access => field ??= new AccessService((IAccessStore)Store, new AccessOptions { DeadLettersKept = TimeSpan.FromDays(30) }, new ServerEnvironment { Time = Time });

    [Fact]
    [Trait("req", "SRV-12")]
    [Trait("req", "PUSH-08")]
    public async Task What_a_file_has_told_of_its_dead_letters_stands_until_it_tells_something_else_and_is_of_its_user_alone()
    {
        var (ann, ben) = (Caller("ann"), Caller("ben"));
        Assert.Equal(5, await Access.ReportDeadLettersAsync(ann, "phone", Report("file-1", ("notes", "UNIQUE", 2), ("boxes", "CONFLICT", 3)), None));
        Time.Advance(TimeSpan.FromHours(1));
        await Access.ReportDeadLettersAsync(ann, "laptop", Report("file-2", ("notes", "PARENT_MISSING", 1)), None);
        await Access.ReportDeadLettersAsync(ben, "phone", Report("file-1", ("it's \"quoted\"", "UNIQUE", 1L << 40)), None);
        Assert.Equal(["ann laptop file-2 notes PARENT_MISSING 1", "ann phone file-1 notes UNIQUE 2, boxes CONFLICT 3", "ben phone file-1 it's \"quoted\" UNIQUE 1099511627776"], await ToldAsync(null));

        await Access.ReportDeadLettersAsync(ann, "phone", Report("file-1", ("notes", "UNIQUE", 1)), None);
        Assert.Equal(["ann laptop file-2 notes PARENT_MISSING 1", "ann phone file-1 notes UNIQUE 1"], await ToldAsync(ann.User));
        Assert.Equal(WireTime.ToText(Time.Now), (await Access.GetDeadLettersAsync(ann.User, None))[1].ReportedAt);
        await Access.ReportDeadLettersAsync(ann, "phone", Report("file-1"), None);
        Assert.Equal(["ann laptop file-2 notes PARENT_MISSING 1", "ben phone file-1 it's \"quoted\" UNIQUE 1099511627776"], await ToldAsync(null));
        Assert.Equal(["laptop", "phone"], (await Access.GetDevicesAsync(ann.User, None)).Select(d => d.Id));
    }

    [Fact]
    [Trait("req", "SRV-10")]
    public async Task A_device_that_does_not_come_again_is_forgotten_with_what_it_told_and_no_user_tells_without_bound()
    {
        await Access.ReportDeadLettersAsync(Caller("ann"), "phone", Report("old", ("notes", "UNIQUE", 1)), None);
        for (var i = 0; i < 100; i++)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            await Access.ReportDeadLettersAsync(Caller("ann"), "phone", Report($"file-{i:d3}", ("notes", "UNIQUE", 1)), None);
        }

        var told = await Access.GetDeadLettersAsync(null, None);
        Assert.Equal((100, "file-000"), (told.Count, told[0].StoreId));
        Time.Advance(TimeSpan.FromDays(30) - TimeSpan.FromSeconds(1));
        Assert.Equal("file-099", Assert.Single(await Access.GetDeadLettersAsync(null, None)).StoreId);
        Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Empty(await Access.GetDeadLettersAsync(null, None));
    }

    [Fact]
    [Trait("req", "SRV-07")]
    public async Task A_report_tells_of_types_and_codes_and_cannot_carry_anything_else()
    {
        var fine = Report("file", ("notes", "UNIQUE", 1)).DeadLetters[0];
        foreach (var report in new[]
        {
            Report("", ("notes", "UNIQUE", 1)), Report("a file", ("notes", "UNIQUE", 1)), Report("file", ("", "UNIQUE", 1)), Report("file", (new string('t', 201), "UNIQUE", 1)), Report("file", ("a\nb", "UNIQUE", 1)),
            Report("file", ("notes", "", 1)), Report("file", ("notes", "the row's text", 1)), Report("file", ("notes", new string('U', 65), 1)), Report("file", ("notes", "UNIQUE", 0)), Report("file", ("notes", "UNIQUE", -1)),
            new DeadLetterReport { StoreId = "file", DeadLetters = [fine with { Oldest = "yesterday" }] },
            new DeadLetterReport { StoreId = "file", DeadLetters = [.. Enumerable.Repeat(fine, DeadLetterReport.LinesMax + 1)] },
        })
        {
            Assert.Equal(ErrorCodes.BadRequest, (await Assert.ThrowsAsync<ServerException>(() => Access.ReportDeadLettersAsync(Caller("ann"), "phone", report, None))).Problem.Code);
        }

        await Access.RevokeDeviceAsync(new UserId("ann"), "phone", None);
        var refused = await Assert.ThrowsAsync<ServerException>(() => Access.ReportDeadLettersAsync(Caller("ann"), "phone", Report("file", ("notes", "UNIQUE", 1)), None));
        Assert.Equal(ErrorCodes.DeviceRevoked, refused.Problem.Code);
        Assert.Empty(await Access.GetDeadLettersAsync(null, None));
    }

    [Fact]
    [Trait("req", "SRV-10")]
    public async Task What_is_kept_until_the_retention_is_over_is_counted_by_space_and_forgotten_when_it_is_due()
    {
        var device = await DeviceAsync();
        var made = await device.PushAsync(device.Create("notes", ["a", "x"]), device.Create("notes", ["b", "x"]), device.Create("boxes", [1, "x"]));
        await device.PushAsync(device.Delete("notes", EntityKey.Of("a"), made.Mark.Position), device.Delete("boxes", EntityKey.Of(1), made.Mark.Position));
        var info = await Server.GetRetentionAsync(None);
        Assert.Equal(((long)TimeSpan.FromDays(90).TotalMilliseconds, (long)TimeSpan.FromHours(6).TotalMilliseconds), (info.RetentionMs, info.EveryMs));
        var space = Assert.Single(info.Spaces);
        Assert.Equal(("u:anna", 0L, new KeptCounts(2, 5, 3), 0L, 0L), (space.Space, space.CompactedTo, space.Kept, space.Due.Tombstones, space.Due.Verdicts));

        Time.Advance(TimeSpan.FromDays(91));
        Assert.Equal(new KeptCounts(2, 5, 0), Assert.Single((await Server.GetRetentionAsync(None)).Spaces).Due);
        Assert.Equal(1, await Server.CompactAsync(None));
        space = Assert.Single((await Server.GetRetentionAsync(None)).Spaces);
        Assert.Equal((0L, 0L), (space.Kept.Tombstones, space.Kept.Verdicts));
        Assert.True(space.CompactedTo > 0 && space.Kept.Marks > 0);
        Assert.Equal(0, await Server.CompactAsync(None));

        // Nobody writes there any more: the last one stays, for ever.
        Time.Advance(Retained.CommitsLonger);
        Assert.Equal(space.Kept.Marks - 1, Assert.Single((await Server.GetRetentionAsync(None)).Spaces).Due.Marks);
        Assert.Equal(1, await Server.CompactAsync(None));
        Assert.Equal(1, Assert.Single((await Server.GetRetentionAsync(None)).Spaces).Kept.Marks);
        Assert.Equal(0, await Server.CompactAsync(None));
    }

    private static Caller Caller(string user) => new(new UserId(user), IsAdministrator: false);

    private static DeadLetterReport Report(string store, params (string Type, string Code, long Count)[] lines) =>
        new() { StoreId = store, DeadLetters = [.. lines.Select(l => new DeadLetterCount { EntityType = l.Type, Code = l.Code, Count = l.Count, Oldest = "2026-01-02T03:04:05Z" })] };

    private async Task<IEnumerable<string>> ToldAsync(UserId? user) => (await Access.GetDeadLettersAsync(user, None))
        .Select(d => $"{d.User} {d.DeviceId} {d.StoreId} {string.Join(", ", d.DeadLetters.Select(l => $"{l.EntityType} {l.Code} {l.Count}"))}");
}
