using Microsoft.Extensions.DependencyInjection;
using Tidemark.Model.Entities;
using Tidemark.Server.Snapshots;
using Tidemark.Server.Storage;
using Tidemark.Server.Tests.Access;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Server.Tests.Http;

/// <summary>A server that cannot write its files for first fetches.</summary>
[Trait("req", "CUR-05")]
public sealed class SnapshotTroubleTests
{
    private const string Line = "A snapshot file cannot be written";

    [Fact]
    public async Task Whoever_runs_the_server_is_told_once_for_each_cause_that_no_snapshot_can_be_written_and_not_whose()
    {
        using var files = new TempFolder();
        var time = new ManualTime();
        var disk = new FullDisk();
        await using var server = await HttpServer.StartAsync(
            new ServerOptions { Dev = true, SnapshotFolder = files.Path, SnapshotRowsMin = 1 },
            environment: new ServerEnvironment { Time = time },
            configure: builder => builder.Services.AddSingleton<ISnapshotWriter>(disk));
        var ann = await Walk.BeginAsync(server);
        await ann.PushAsync(Sessions.Note(1));
        for (var i = 0; i < 3; i++)
        {
            Assert.False((await ann.GetAsync("/spaces/snapshot/manifest")).GetProperty("offered").GetBoolean());
        }

        var told = Assert.Single(server.Log.All, l => l.Text.Contains(Line, StringComparison.Ordinal)).Text;
        Assert.Contains("there is no room", told, StringComparison.Ordinal);
        Assert.Contains(files.Path, told, StringComparison.Ordinal);
        Assert.DoesNotContain(Path.GetFileNameWithoutExtension(disk.Path), told, StringComparison.Ordinal);

        disk.Cause = "it may not be written";
        await ann.GetAsync("/spaces/snapshot/manifest");
        Assert.Equal(2, server.Log.All.Count(l => l.Text.Contains(Line, StringComparison.Ordinal)));
        time.Advance(TimeSpan.FromMinutes(1));
        await ann.GetAsync("/spaces/snapshot/manifest");
        Assert.Equal(3, server.Log.All.Count(l => l.Text.Contains(Line, StringComparison.Ordinal)));
    }

    private sealed class FullDisk : ISnapshotWriter
    {
        public string Cause { get; set; } = "there is no room";

        public string Path { get; private set; } = "";

        public Task<long> WriteAsync(string path, IStoreSnapshot snapshot, SyncModel model, string? cursor, CancellationToken cancellationToken)
        {
            Path = path;
            throw new IOException($"{path}: {Cause}");
        }
    }
}
