using System.Globalization;
using Tidemark.Client.Storage.Writing;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Writing;

/// <summary>A queue on a manual scheduler, closed at the end of the test.</summary>
internal sealed class Ending(NotesFile file, ManualScheduler scheduler, TimeProvider? time = null, int pages = 0) : IAsyncDisposable
{
    public WriteQueue Queue { get; } = WriteQueue.Open(
        file.Path,
        () =>
        {
            var connection = file.Connect();
            if (pages > 0)
            {
                connection.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA max_page_count={pages}"));
            }

            return connection;
        },
        scheduler,
        time ?? new StoppedTime());

    public async ValueTask DisposeAsync()
    {
        var closed = Queue.DisposeAsync();
        scheduler.RunAll();
        await closed;
    }
}

/// <summary>A clock that moves only when it is told to.</summary>
internal sealed class StoppedTime : TimeProvider
{
    public long Milliseconds { get; set; }

    public override long TimestampFrequency => 1000;

    public override long GetTimestamp() => Milliseconds;
}
