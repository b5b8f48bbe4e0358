using Tidemark.Client.Environment;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;

namespace Tidemark.Client.Coordination.Pacing;

/// <summary>What a started service does by itself.</summary>
public sealed class AutomaticOptions
{
    /// <summary>A burst of local changes is one run, after so long without another change. Default 2 s.</summary>
    public TimeSpan Quiet { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>However long the burst lasts, its first change waits no longer. Default 10 s.</summary>
    public TimeSpan QuietMax { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the server is asked while the app is in the foreground. Default 5 min.</summary>
    public TimeSpan ForegroundInterval { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>And in the background. Default 30 min.</summary>
    public TimeSpan BackgroundInterval { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Start, foreground, reconnect and the interval ask for no run within so long of the last one, of whatever instance or process. Default 30 s.</summary>
    public TimeSpan Throttle { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>No run by itself before the app has opened the startup gate, or this is over. Zero: no gate. Default 10 s.</summary>
    public TimeSpan GateTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the file is looked at for commits of others where the folder cannot be watched. Default 500 ms.</summary>
    public TimeSpan LookInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Keep a connection to the server on which it tells when others have written, and fetch that at once. Default true, where the remote has such a connection.
    /// It is closed while the service is paused, offline, or stuck until a person does something.
    /// </summary>
    public bool FollowsHints { get; set; } = true;

    /// <summary>Keep that connection in the background too. Default false: it costs a ping every <see cref="LiveHintOptions.PingEvery"/>.</summary>
    public bool FollowsHintsInBackground { get; set; }

    /// <summary>How that connection is kept. Space and device are those of the service.</summary>
    public LiveHintOptions HintConnection { get; set; } = new();

    /// <summary>Hints of another kind, such as a platform's push messages. Default: those of the remote.</summary>
    public ILiveHints? Hints { get; set; }

    /// <summary>Full fetches that nobody asked for wait for a network that costs nothing. Default false.</summary>
    public bool BulkNeedsUnmetered { get; set; }

    /// <summary>Full fetches that nobody asked for wait for power. Default false.</summary>
    public bool BulkNeedsPower { get; set; }

    /// <summary>Done by every start before its first run: what the first sync is to find, such as a local catalog. Default: nothing.</summary>
    public Func<LocalStore, CancellationToken, Task>? Prepare { get; set; }

    /// <summary>Called once for every full fetch (the first, or one after a resync), after its run has let go of the database. When the app ends before the task does, the next start calls it again. Default: nobody, and it waits for one.</summary>
    public Func<FullFetch, CancellationToken, Task>? FullFetchHandler { get; set; }

    /// <summary>What network and power are like. Default: the environment's word on the network, power everywhere.</summary>
    public IConnectivity? Connectivity { get; set; }

    /// <summary>Every fault of these options, in sentences; empty when there is none.</summary>
    public IReadOnlyList<string> Faults()
    {
        var faults = new List<string>();
        Check(Quiet > TimeSpan.Zero && Quiet <= QuietMax, $"{nameof(Quiet)} must be more than nothing and at most {nameof(QuietMax)}.");
        Check(QuietMax <= TimeSpan.FromHours(1), $"{nameof(QuietMax)} must be at most an hour.");
        Check(ForegroundInterval >= TimeSpan.FromMilliseconds(100), $"{nameof(ForegroundInterval)} must be at least 100 ms.");
        Check(BackgroundInterval >= ForegroundInterval && BackgroundInterval <= TimeSpan.FromDays(365), $"{nameof(BackgroundInterval)} must be at least {nameof(ForegroundInterval)} and at most a year.");
        Check(Throttle >= TimeSpan.Zero && Throttle <= TimeSpan.FromDays(1), $"{nameof(Throttle)} must be between nothing and a day.");
        Check(GateTimeout >= TimeSpan.Zero && GateTimeout <= TimeSpan.FromDays(1), $"{nameof(GateTimeout)} must be between nothing and a day.");
        Check(LookInterval >= TimeSpan.FromMilliseconds(10) && LookInterval <= TimeSpan.FromMinutes(1), $"{nameof(LookInterval)} must be between 10 ms and a minute.");
        return faults;

        void Check(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }
    }
}
