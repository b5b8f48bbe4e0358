using System.Globalization;
using System.Text.Json.Nodes;
using Tidemark.Client.Encryption;
using Tidemark.Client.Remotes.Several;
using Tidemark.Simulation.Several;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>A process that is killed in the middle of a cycle: after the next ones all stand as if it had not been.</summary>
public sealed class KilledCycleTests
{
    /// <summary>TIDEMARK_KILLS: how many points of a cycle it is killed at; 0: all. Default 10.</summary>
    private static readonly int Kills = int.Parse(System.Environment.GetEnvironmentVariable("TIDEMARK_KILLS") ?? "10", CultureInfo.InvariantCulture);

    [Fact]
    [Trait("req", "REM-01")]
    [Trait("req", "REM-04")]
    public async Task Killed_at_any_statement_it_ends_the_same()
    {
        var counted = new Killer();
        var expected = await RunAsync(counted, null);
        Assert.True(counted.Statements > 100);
        var step = Kills == 0 ? 1 : Math.Max(1, counted.Statements / Kills);
        for (var at = step / 2; at < counted.Statements; at += step)
        {
            var killer = new Killer { AtStatement = at };
            var actual = await RunAsync(killer, null);
            Assert.True(killer.HasKilled);
            Assert.True(expected == actual, $"Killed at statement {at}:\n{actual}\ninstead of\n{expected}");
        }
    }

    [Fact]
    [Trait("req", "REM-01")]
    [Trait("req", "REM-04")]
    public async Task Killed_before_or_after_any_call_of_a_remote_it_ends_the_same()
    {
        var counted = new Killer();
        var expected = await RunAsync(null, counted);
        Assert.True(counted.Calls > 8);
        for (var at = 0; at < counted.Calls; at++)
        {
            var killer = new Killer { AtCall = at };
            var actual = await RunAsync(null, killer);
            Assert.True(killer.HasKilled);
            Assert.True(expected == actual, $"Killed at call {at}:\n{actual}\ninstead of\n{expected}");
        }
    }

    // What all ends as. Both remotes have news of others, one of them of a writer without stamps; the device has edits of its own, one of which loses.
    private static async Task<string> RunAsync(Killer? statements, Killer? calls)
    {
        using var folder = new TempFolder();
        var random = new Random(1);
        var time = new ManualTime();
        long NowMs() => time.GetUtcNow().ToUnixTimeMilliseconds();
        var (a, b) = (new ProgrammableRemote { NowMs = NowMs }, new ProgrammableRemote { NowMs = NowMs });
        (string, IStagedRemote)[] remotes = [("a", a), ("b", b)];
        var path = folder.File("d.db");
        var ring = KeyRing.Empty.Rotated(random.NextBytes);
        await using var other = await JoinDevice.MakeAsync(folder.File("o.db"), time, random.NextBytes, remotes);
        await other.GiveKeysAsync(ring);
        await using (var device = await JoinDevice.MakeAsync(path, time, random.NextBytes, remotes))
        {
            await device.GiveKeysAsync(ring);
            device.Sql("INSERT INTO folder(id, name) VALUES('f', 'F'); INSERT INTO note(id, title, folder, secret) VALUES('n', 't', 'f', 's'), ('m', 't', NULL, NULL)");
            await device.SyncAsync();
            await other.SyncAsync();
            time.Advance(TimeSpan.FromMilliseconds(10));
            device.Sql("UPDATE note SET title = 'mine', body = 'mine' WHERE id = 'n'; INSERT INTO note(id, secret) VALUES('new', 'hidden'); DELETE FROM note WHERE id = 'm'");
            time.Advance(TimeSpan.FromMilliseconds(10));
            other.Sql("UPDATE note SET title = 'theirs' WHERE id = 'n'; INSERT INTO note(id, folder) VALUES('p', 'f')");
            b.IsDown = true;
            await other.SyncAsync();
            b.IsDown = false;
            b.WriteAsOther("note", "\"m\"", """{"body":"by hand"}""");
        }

        await KillAsync(path, time, random, statements ?? calls!, remotes, a, b);
        await using var again = await JoinDevice.OpenAsync(path, time, random.NextBytes, remotes);
        for (var round = 0; round < 3; round++)
        {
            await again.SyncAsync();
            await other.SyncAsync();
        }

        Assert.Equal(again.Rows(), other.Rows());
        Assert.Empty(again.Several.ReadQuarantine());
        Assert.All(again.Several.Read(), r => Assert.Equal((0, null), (r.Owed, r.Trouble)));
        return string.Join('\n', again.Rows().Concat(again.Rows("SELECT id, name FROM folder")).Concat(Plain(a)).Concat(Plain(b)));
    }

    private static async Task KillAsync(string path, TimeProvider time, Random random, Killer killer, (string, IStagedRemote)[] remotes, params ProgrammableRemote[] watched)
    {
        var doomed = await JoinDevice.OpenDoomedAsync(path, time, random.NextBytes, killer, remotes);
        try
        {
            killer.Begin();
            Array.ForEach(watched, r => r.AtCall = _ => killer.Call());
            await doomed.TrySyncAsync();
        }
        catch (KilledException)
        {
            // As it was to be.
        }
        finally
        {
            Array.ForEach(watched, r => r.AtCall = null);
            await killer.BuryAsync(doomed);
        }
    }

    private static IEnumerable<string> Plain(ProgrammableRemote remote) => remote.Rows().OrderBy(r => r.Key, StringComparer.Ordinal).Select(r =>
    {
        var row = JsonNode.Parse(r.Value)!.AsObject();
        row.Remove(RemoteModel.StampsField); // Its ids and times are of the device that lived.
        row["secret"] = row["secret"] is not null;
        return r.Key + string.Join(',', row.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => f.Key + "=" + f.Value?.ToJsonString()));
    });
}
