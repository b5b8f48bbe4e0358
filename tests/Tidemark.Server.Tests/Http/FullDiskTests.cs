using Tidemark.Model.Protocol;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Tests.Access;
using Tidemark.Sqlite;

namespace Tidemark.Server.Tests.Http;

/// <summary>A server whose disk has no room: SQLite's own answer, at every statement of a push in turn.</summary>
[Trait("req", "SRV-12")]
public sealed class FullDiskTests
{
    [Fact]
    public async Task A_push_that_meets_a_full_disk_leaves_nothing_is_told_to_come_again_and_pulls_go_on()
    {
        var disk = new FillingDisk();
        await using var server = await HttpServer.StartAsync(store: folder => SqliteServerStore.Open(Path.Combine(folder, "server.db"), ServerEnvironment.System, disk));
        var ann = await Walk.BeginAsync(server);
        await ann.PushAsync(Sessions.Note(1));
        var push = Samples.Push(2, Sessions.Note(2) + "," + Sessions.Note(3));
        var refused = 0;
        while (true)
        {
            disk.IsFullAfter = refused;
            using var answer = await ann.Client.PostAsync("/sync/push", push);
            disk.IsFullAfter = -1;
            if (answer.IsSuccessStatusCode)
            {
                Assert.Equal(2, (await answer.JsonAsync()).GetProperty("successful").GetArrayLength());
                break;
            }

            Assert.True((await answer.ProblemAsync(503, ErrorCodes.Unavailable)).Retryable);
            Assert.Single(await ann.PullAsync());
            Assert.InRange(++refused, 1, 200);
        }

        Assert.True(refused >= 3, $"Only {refused} statements of a push write.");
        Assert.Equal(3, (await ann.PullAsync()).Count);

        // One line for whoever runs the server, not one for each request.
        Assert.Contains("no room", Assert.Single(server.Log.All, l => l.Text.Contains("The storage cannot answer", StringComparison.Ordinal)).Text, StringComparison.Ordinal);
    }

    private sealed class FillingDisk : IStatementWatch
    {
        /// <summary>So many writing statements more have room; -1: all.</summary>
        public int IsFullAfter { get; set; } = -1;

        public void Opened(Microsoft.Data.Sqlite.SqliteConnection connection)
        {
        }

        public void BeforeStep(RawStatement statement)
        {
            var isWrite = !statement.IsReadOnly && !statement.Sql.StartsWith("ROLLBACK", StringComparison.Ordinal) && !statement.Sql.StartsWith("BEGIN", StringComparison.Ordinal) && !statement.Sql.StartsWith("PRAGMA", StringComparison.Ordinal);
            if (isWrite && IsFullAfter >= 0 && IsFullAfter-- == 0)
            {
                IsFullAfter = 0;
                throw new StoreException(StoreTrouble.Full, "there is no room");
            }
        }
    }
}
