namespace Tidemark.Simulation.Checkers;

/// <summary>Invariant 2: captured = accepted + folded + absorbed + discarded + dead + waiting, at every end of a run.</summary>
internal sealed class LedgerChecker : IChecker
{
    public string Name => "ledger";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is not DeviceSeen { Books: var b } device)
        {
            return;
        }

        var ended = b.Accepted + b.Folded + b.Absorbed + b.Discarded + b.Dead + b.Waiting;
        if (b.Captured != ended)
        {
            violation($"{device.Device}: {b.Captured} captured, but {b.Accepted} accepted + {b.Folded} folded + {b.Absorbed} absorbed + {b.Discarded} discarded + {b.Dead} dead + {b.Waiting} waiting = {ended}");
        }
    }
}

/// <summary>Invariant 3: cursors only move forward, unless a resync or another file starts them again.</summary>
internal sealed class CursorChecker : IChecker
{
    private readonly Dictionary<(string Device, string Type), (long Position, string Epoch)> _last = [];

    public string Name => "cursor";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case RunSeen { Resynced: true } run:
                Forget(run.Device);
                break;
            case FileReplaced file:
                Forget(file.Device);
                break;
            case DeviceSeen device when device.Books.Resync is not null:
                Forget(device.Device);
                break;
            case DeviceSeen device:
                Check(device, violation);
                break;
        }
    }

    private void Check(DeviceSeen device, Action<string> violation)
    {
        foreach (var (type, position, _) in device.Books.Cursors)
        {
            var epoch = device.Books.Epoch ?? "";
            if (_last.TryGetValue((device.Device, type), out var last) && last.Epoch == epoch && position < last.Position)
            {
                violation($"{device.Device}: the cursor of {type} went back from {last.Position} to {position}");
            }

            _last[(device.Device, type)] = (position, epoch);
        }
    }

    private void Forget(string device)
    {
        foreach (var key in _last.Keys.Where(k => k.Device == device).ToList())
        {
            _last.Remove(key);
        }
    }
}

/// <summary>Invariant 5: no orphan on a required relation, ever; none on an optional one when all is settled.</summary>
internal sealed class OrphanChecker : IChecker
{
    public string Name => "orphan";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is DeviceSeen { Books.Orphans: { Count: > 0 } orphans } device)
        {
            violation($"{device.Device}: {string.Join("; ", orphans)}");
        }

        if (seen is Settled settled)
        {
            foreach (var replica in settled.Replicas.Where(r => r.Books is { Dangling.Count: > 0 }))
            {
                violation($"{replica.Device}: {string.Join("; ", replica.Books!.Dangling)}");
            }
        }
    }
}

/// <summary>Invariant 9: when a run says that it has ended, it has let go of the database.</summary>
internal sealed class AnnouncementChecker : IChecker
{
    public string Name => "announcement";

    public void Observe(Observation seen, Action<string> violation)
    {
        // With a broken disk the lock may have to wait for its end.
        if (seen is RunSeen { LockFree: false, Code: not "Store" } run)
        {
            violation($"{run.Device}: the run has ended ({run.Outcome}) and still holds the run lock");
        }
    }
}

/// <summary>Nothing grows without end, and nothing is left lying about.</summary>
internal sealed class BoundsChecker : IChecker
{
    private const long MarksMax = 64;
    private const long WalBytesMax = 16 * 1024 * 1024;
    private const long FileBytesMax = 16 * 1024 * 1024;

    public string Name => "bounds";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is DeviceSeen { Books: var b } device)
        {
            if (b.GuardLeft)
            {
                violation($"{device.Device}: the capture guard was left behind");
            }

            if (b.Marks > MarksMax)
            {
                violation($"{device.Device}: {b.Marks} marks are kept");
            }

            if (b.WalBytes > WalBytesMax)
            {
                violation($"{device.Device}: the write-ahead log has {b.WalBytes} bytes");
            }

            if (b.FileBytes > FileBytesMax)
            {
                violation($"{device.Device}: the file has {b.FileBytes} bytes");
            }
        }

        if (seen is Settled settled)
        {
            foreach (var replica in settled.Replicas.Where(r => r.Books is { Staged: > 0 }))
            {
                violation($"{replica.Device}: {replica.Books!.Staged} pages are still staged");
            }
        }
    }
}
