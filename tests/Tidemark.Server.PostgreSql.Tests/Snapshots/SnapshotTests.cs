using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Snapshots;
using Tidemark.Server.Storage;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Server.PostgreSql.Tests.Snapshots;

/// <summary>Files for first fetches of a space that others write in.</summary>
public sealed class SnapshotTests : PostgresWorld
{
    private const int Boxes = 1500;

    [Fact]
    [Trait("req", "CUR-05")]
    public async Task A_file_is_one_state_of_the_space_and_what_is_pushed_meanwhile_comes_behind_its_cursor()
    {
        using var folder = new TempFolder();
        var device = await DeviceAsync();
        var made = await device.PushAsync([.. Enumerable.Range(0, Boxes).Select(n => device.Create("boxes", [$"b{n}", $"n{n}", n]))]);
        await device.PushAsync(device.Create("things", [-1, "b0", "thing"]), device.Delete("boxes", EntityKey.Of("b1"), made.Mark.Position));
        var writer = new KeysWriter(() => device.PushAsync(device.Create("boxes", ["late", "late", 1])));
        using var server = new SyncServer(Store, Environment, new ServerOptions { SnapshotFolder = folder.Path, SnapshotRowsMin = 100 }, snapshots: writer);

        var manifest = await server.GetSnapshotAsync(device.Caller, null, None);
        Assert.True(manifest.Offered);
        Assert.Equal(writer.Keys.Count, manifest.Rows);
        Assert.Equal(writer.Keys.Count, writer.Keys.Distinct(StringComparer.Ordinal).Count());
        Assert.Contains("\"b1499\"", writer.Keys);
        Assert.DoesNotContain("\"late\"", writer.Keys);

        var behind = ChangesPage.Read(await server.GetChangesAsync(device.Caller, new ChangesRequest { Cursor = manifest.Cursor, DeviceId = "one" }, None), Model);
        Assert.Equal(["\"late\""], behind.Changes.Select(c => c.Key.ToString()));
        Assert.Equal(manifest.ETag, (await server.GetSnapshotAsync(device.Caller, null, None)).ETag); // Little has changed since: it is not made anew.
    }

    // Notes what a real one would write, and has somebody push when it is in the middle.
    private sealed class KeysWriter(Func<Task> meanwhile) : ISnapshotWriter, IChangeSink
    {
        public List<string> Keys { get; } = [];

        public async Task<long> WriteAsync(string path, IStoreSnapshot snapshot, SyncModel model, string? cursor, CancellationToken cancellationToken)
        {
            await meanwhile();
            var starts = model.Entities.OrderBy(t => t.Name, StringComparer.Ordinal).Select(t => (t, default(ChangePlace))).ToList();
            await snapshot.ReadChangesAsync(new ChangesRange(starts, snapshot.State!.Head.Position), this, cancellationToken);
            await File.WriteAllLinesAsync(path, Keys, cancellationToken);
            return Keys.Count;
        }

        public bool TryAdd(in StoredChange change)
        {
            if (change.Row is not null)
            {
                Keys.Add(change.Key.ToString());
            }

            return true;
        }
    }
}
