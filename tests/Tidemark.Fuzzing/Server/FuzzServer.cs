using System.Text;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Sqlite;

namespace Tidemark.Fuzzing.Server;

/// <summary>A server of its own on a real file. Clock and randomness are fixed, so that an input ends the same way every time.</summary>
public sealed class FuzzServer : IDisposable
{
    private static readonly byte[] Key = Encoding.ASCII.GetBytes("a key of at least thirty-two bytes");
    private readonly string _folder = Directory.CreateTempSubdirectory("tidemark-fuzz-").FullName;
    private readonly SqliteServerStore _store;
    private int _random;

    public FuzzServer(SyncModel? model = null)
    {
        var environment = new ServerEnvironment { Time = new FixedTime(), RandomBytes = Random };
        _store = SqliteServerStore.Open(Path.Combine(_folder, "server.db"), environment);
        Sync = new SyncServer(_store, environment, new ServerOptions { Dev = true, CursorKey = Key });
        Done(Sync.PutModelAsync(CallerOf("first"), SyncModelJson.ToUtf8(model ?? FuzzModel.Model), default));
    }

    /// <summary>The database.</summary>
    public string File => Path.Combine(_folder, "server.db");

    public SyncServer Sync { get; }

    public static Caller CallerOf(string user) => new(new UserId(user), IsAdministrator: true);

    public static T Done<T>(Task<T> task)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task.GetAwaiter().GetResult();
    }

    /// <summary>Some rows of every type, and a tombstone.</summary>
    public void Fill(string user)
    {
        Push(user, 1, """{"id":"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b01","entityType":"boxes","operation":"CREATE","entityId":"a","occurredAt":"2026-01-31T12:00:00Z","payload":{"id":"a","name":"red"}}""",
            """{"id":"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b02","entityType":"boxes","operation":"CREATE","entityId":"b","occurredAt":"2026-01-31T12:00:00Z","payload":{"id":"b","name":"blue"}}""",
            """{"id":"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b03","entityType":"links","operation":"CREATE","entityId":["a",1],"occurredAt":"2026-01-31T12:00:00Z","payload":{"a":"a","n":1,"note":"x"}}""",
            """{"id":"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b04","entityType":"things","operation":"CREATE","entityId":-1,"occurredAt":"2026-01-31T12:00:00Z","payload":{"id":-1,"box":"a","title":"t"}}""",
            """{"id":"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b05","entityType":"forms","operation":"CREATE","entityId":1,"occurredAt":"2026-01-31T12:00:00Z","payload":{"id":1,"i":1,"r":1.5,"t":"t","b":"AAEC","f":true,"j":{"a":1},"x":{"t":"b","v":"AA=="}}}""");
        Push(user, 2, """{"id":"0190b6a0-7f3e-7cc1-9a57-0f1e2d3c4b06","entityType":"boxes","operation":"DELETE","entityId":"zz","occurredAt":"2026-01-31T12:00:00Z","baseVersion":1}""");
    }

    public void Dispose()
    {
        Sync.Dispose();
        _store.DisposeAsync().AsTask().GetAwaiter().GetResult();
        Directory.Delete(_folder, recursive: true);
    }

    private void Push(string user, int sequence, params string[] commands) =>
        Done(Sync.PushAsync(CallerOf(user), FuzzModel.Utf8($$"""{"protocol":1,"deviceId":"dev","storeId":"fill","pushSeq":{{sequence}},"commands":[{{string.Join(',', commands)}}]}"""), default));

    private byte[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => (byte)(++_random * 31))];
}

/// <summary>A clock that stands.</summary>
public sealed class FixedTime : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);
}
