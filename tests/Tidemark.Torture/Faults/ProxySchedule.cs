using System.Globalization;
using Tidemark.Client.Coordination;

namespace Tidemark.Torture.Faults;

/// <summary>Two devices edit and sync through proxies that mistreat their requests; then the network is whole, and everything must be equal and accounted for.</summary>
internal sealed class ProxySchedule(ProxyWorld world, int seed)
{
    private const int StepsMax = 20;
    private const int RoundsMax = 20;
    private readonly Random _dice = new(seed);
    private readonly HashSet<string> _made = new(StringComparer.Ordinal);
    private readonly HashSet<string> _deleted = new(StringComparer.Ordinal);
    private int _number;

    /// <summary>How often each fault was met.</summary>
    public Dictionary<ProxyFault, int> Done { get; } = [];

    public async Task RunAsync()
    {
        // Every fourth schedule is one of services that sync by themselves, hints and all.
        var isByItself = seed % 4 == 0;
        var token = world.Token(string.Create(CultureInfo.InvariantCulture, $"user{seed}"));
        var devices = new List<ProxyDevice>();
        try
        {
            for (var i = 0; i < 2; i++)
            {
                devices.Add(ProxyDevice.Make(Path.Combine(world.Folder, string.Create(CultureInfo.InvariantCulture, $"{seed}{(char)('a' + i)}.db")), world.Address, token, (seed * 2) + i, isByItself));
                devices[i].Proxy.Percent = 20 + _dice.Next(40);
            }

            await MistreatAsync(devices, isByItself);
            await HealAsync(devices);
            await MustBeWellAsync(devices);
        }
        finally
        {
            foreach (var device in devices)
            {
                foreach (var (fault, count) in device.Proxy.Done)
                {
                    Done[fault] = Done.GetValueOrDefault(fault) + count;
                }

                await device.DisposeAsync();
            }
        }
    }

    private async Task MistreatAsync(List<ProxyDevice> devices, bool isByItself)
    {
        if (isByItself)
        {
            devices.ForEach(d => d.Sync.Start());
        }

        for (var step = 0; step < StepsMax; step++)
        {
            foreach (var device in devices)
            {
                for (var edits = _dice.Next(4); edits > 0; edits--)
                {
                    await EditAsync(device);
                }
            }

            var asked = devices.Where(_ => _dice.Next(4) > 0).ToList();
            await Task.WhenAll(asked.Select(d => d.Sync.SyncNowAsync()));
            if (_dice.Next(2) == 0)
            {
                devices[_dice.Next(devices.Count)].Time.Leap(TimeSpan.FromSeconds(_dice.Next(100))); // Past pauses that were asked for.
            }
        }
    }

    private async Task EditAsync(ProxyDevice device)
    {
        var marker = string.Create(CultureInfo.InvariantCulture, $"m{++_number}");
        switch (_dice.Next(10))
        {
            case 0:
                await MakeAsync("INSERT INTO folders(made, name) VALUES($1, 'f')");
                break;
            case < 4:
                await MakeAsync("INSERT INTO notes(made, folder_id, text) SELECT $1, id, 'n' FROM folders ORDER BY random() LIMIT 1");
                break;
            case < 6:
                await MakeAsync("INSERT INTO tags(id, made, note_id, label) VALUES($1, $1, (SELECT id FROM notes ORDER BY random() LIMIT 1), 't')");
                break;
            case < 9:
                await device.WriteAsync("UPDATE notes SET text = $1 WHERE id = (SELECT id FROM notes ORDER BY random() LIMIT 1)", marker);
                break;
            default:
                if ((await device.ReadAsync("SELECT made FROM notes ORDER BY random() LIMIT 1")).FirstOrDefault() is { } gone)
                {
                    _deleted.Add(gone);
                    await device.WriteAsync("DELETE FROM notes WHERE made = $1", gone);
                }

                break;
        }

        async Task MakeAsync(string sql)
        {
            if (await device.WriteAsync(sql, marker) > 0)
            {
                _made.Add(marker);
            }
        }
    }

    private static async Task HealAsync(List<ProxyDevice> devices)
    {
        foreach (var device in devices)
        {
            await device.Sync.StopAsync(); // What runs by itself could move between two rounds.
            device.Proxy.Heal();
            device.Time.Calm();
            device.Time.Leap(TimeSpan.FromHours(2)); // No pause that was asked for is longer.
        }

        for (var round = 0; round < RoundsMax; round++)
        {
            var isIdle = true;
            foreach (var device in devices)
            {
                var report = await device.Sync.SyncNowAsync();
                isIdle &= report.Outcome == SyncOutcome.Idle;
                if (report.Error is { } error && round > 1)
                {
                    throw new TortureException($"A run failed over a network that is whole: {error.Code} {error.Message}");
                }
            }

            if (isIdle)
            {
                return;
            }
        }

        throw new TortureException($"Still moving after {RoundsMax} rounds.");
    }

    private async Task MustBeWellAsync(List<ProxyDevice> devices)
    {
        var contents = new List<List<string>>();
        foreach (var device in devices)
        {
            contents.Add([
                .. await device.ReadAsync("SELECT 'folder', id, made, name FROM folders ORDER BY id"),
                .. await device.ReadAsync("SELECT 'note', id, made, folder_id, text FROM notes ORDER BY id"),
                .. await device.ReadAsync("SELECT 'tag', id, made, note_id, label FROM tags ORDER BY id"),
            ]);
            var doctor = await device.ExamineAsync();
            if (!doctor.Healthy || doctor.NeedsPerson && doctor.Findings.Any(f => f.Code is not Client.Inspection.FindingCodes.LibraryOld) || !doctor.Ledger.AddsUp || doctor.Ledger.Waiting > 0 || doctor.Ledger.Dead > 0)
            {
                throw new TortureException($"{device.Path}: {doctor.Ledger}; {string.Join("; ", doctor.Findings.Select(f => f.Code + " " + f.Message))}");
            }

            var verify = await device.Sync.VerifyAsync(CancellationToken.None);
            if (!verify.Equal)
            {
                throw new TortureException($"{device.Path} is not what the server has: {string.Join("; ", verify.Types.Where(t => !t.Equal))}");
            }
        }

        if (!contents[0].SequenceEqual(contents[1]))
        {
            throw new TortureException($"Not equal: only on a {string.Join(" ; ", contents[0].Except(contents[1]).Take(5))}; only on b {string.Join(" ; ", contents[1].Except(contents[0]).Take(5))}");
        }

        var there = contents[0].Select(r => r.Split('|')[2]).ToList();
        var lost = _made.Except(_deleted).Except(there).ToList();
        var twice = there.GroupBy(m => m, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key).ToList();
        if (lost.Count > 0 || twice.Count > 0)
        {
            throw new TortureException($"lost: {string.Join(", ", lost)}; twice: {string.Join(", ", twice)}");
        }
    }
}
