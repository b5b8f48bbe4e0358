using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Server;
using Tidemark.Simulation.Network;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Sharing;

/// <summary>
/// The fifth workload, and with a server that is killed and restored and disks in trouble the seventh: users with devices that share spaces, on a network that loses, doubles and delays, with processes that are killed. Promises: nobody who is no
/// member is answered; a reader writes nothing; after a run no row of a space that was left is in the file; no row that was made is lost; the ledger adds up; in the end
/// every device has exactly the rows of its user's spaces.
/// </summary>
internal sealed class SharingRun : WorldRun
{
    private const int RoundsMax = 20;
    private readonly List<SharingDevice> _devices = [];
    private readonly SharingServer _server;
    private readonly SharingSteps _steps;
    private readonly HashSet<string> _away = new(StringComparer.Ordinal); // devices that have not synced since the server was restored
    private int _syncs;

    public SharingRun(SimulationOptions options, string folder)
        : base(options, folder, 500)
    {
        _server = new SharingServer(this, folder, Dice.Fork());
        foreach (var user in Users.Append(Users[0]))
        {
            var name = ((char)('A' + _devices.Count)).ToString();
            _devices.Add(new SharingDevice(this, name, user, folder, Dice.Fork()));
        }

        _steps = new SharingSteps(this, Dice.Fork());
    }

    public static SyncModel Model { get; } = new SyncModelBuilder()
        .Entity("list", e => e.Field("id", FieldType.Text).Field("title", FieldType.Text).Field("space", FieldType.Text).Key("id").Space("space"))
        .Entity("item", e => e.Field("id", FieldType.Text).Field("list_id", FieldType.Text).Field("title", FieldType.Text).Key("id").Reference("list_id", "list", required: true, DeleteRule.Cascade).Space("list_id"))
        .Build() with
    {
        Schema =
        [
            new SchemaObject { Kind = "table", Name = "list", Table = "list", Sql = "CREATE TABLE list(id TEXT PRIMARY KEY, title TEXT, space TEXT)" },
            new SchemaObject { Kind = "table", Name = "item", Table = "item", Sql = "CREATE TABLE item(id TEXT PRIMARY KEY, list_id TEXT NOT NULL REFERENCES list(id) ON DELETE CASCADE, title TEXT)" },
        ],
    };

    public SharingTruth Truth { get; } = new();

    public IReadOnlyList<string> Users { get; } = ["ann", "bob", "eve"];

    public IReadOnlyList<SharingDevice> Devices => _devices;

    /// <summary>Is the server killed and restored, and are the devices' disks in trouble?</summary>
    public bool HasDisasters => Options.Workload == Workloads.Seventh;

    protected override TimeSpan Pause => TimeSpan.FromMinutes(7);

    protected override int DeviceDays => _devices.Count;

    protected override int Syncs => _syncs;

    public T Server<T>(string user, Func<SyncServer, Caller, Task<T>> ask) => _server.Ask(user, ask);

    public WireReply? Handle(WireRequest request) => _server.Handle(request);

    public void Backup()
    {
        _server.Backup();
        Met("server-backup");
        Say("server", "is backed up");
    }

    /// <summary>Back to a backup, memberships too. Not again before every device has been there: two lost histories cannot be joined by anybody.</summary>
    public void Restore(int which)
    {
        if (!_server.HasBackup || _away.Count > 0)
        {
            return;
        }

        var before = _server.Rows().Select(r => r.Id).ToList();
        _server.Restore(which);
        Met("server-restore");
        Truth.Reset(_server.Members());
        Say("server", "is restored; " + string.Join(", ", _server.Members().Select(m => $"{m.User} is {m.Role ?? "no member"} of {m.Space}")));
        _away.UnionWith(_devices.Select(d => d.Name));
        Truth.NoteLost(before.Except(_server.Rows().Select(r => r.Id), StringComparer.Ordinal).ToList());
        foreach (var id in Truth.Lost.Where(id => !_devices.Exists(d => CanGiveBack(d, id))).ToList())
        {
            Truth.Excuse(id); // Nobody has it who may write it.
        }
    }

    /// <summary>The next run of that device makes the server end in its middle.</summary>
    public void CrashServer(SharingDevice device, int statements)
    {
        _server.CrashIn(statements);
        Sync(device, isKilled: false);
        _server.NoCrash();
    }

    /// <summary>Before a role is taken: what only its holder could have given back to a restored server may stay lost.</summary>
    public void ExcuseLostOf(string space)
    {
        var there = HasDisasters ? _server.Rows().Select(r => r.Id).ToHashSet(StringComparer.Ordinal) : [];
        foreach (var id in Truth.Lost.Where(id => Truth.Find(id)?.Space == space && !there.Contains(id)).ToList())
        {
            Truth.Excuse(id);
        }
    }

    /// <summary>One run of a device, and what must hold behind it.</summary>
    /// <returns>True: it has moved something, or failed. Rows that wait for a person are looked at in every run.</returns>
    public bool Sync(SharingDevice device, bool isKilled)
    {
        _syncs++;
        if (device.Sync(isKilled) is not { } report)
        {
            Say(device.Name, "is killed in the middle of a run");
            return true;
        }

        Say(device.Name, $"syncs: {report.Outcome}, pushed {report.Push.Accepted}, refused {report.Push.Failed + report.Push.DeadLetters}, pulled {report.Pull.Applied}-{report.Pull.Deleted}{(report.Error is { } error ? $" [{error.Code}]" : "")}{string.Concat(report.Warnings.Select(w => $" ({w})"))}");
        var ledger = new StoreInspector(device.Store).Status().Ledger;
        if (!ledger.AddsUp)
        {
            Violate("ledger", $"{device.Name}: {ledger}");
        }

        if (report.Error is null)
        {
            _away.Remove(device.Name);
            CheckNothingForeign(device);
        }

        return report.Error is not null || report.Push.Accepted + report.Push.Conflicts + report.Push.Failed + report.Push.DeadLetters + report.Pull.Applied + report.Pull.Merged + report.Pull.Deleted > 0;
    }

    public override void Dispose()
    {
        _devices.ForEach(d => d.Dispose());
        _server.Dispose();
    }

    protected override int StepsOfSeed() => 60 + Dice.Below(80);

    protected override void Next() => _steps.Next();

    protected override void Settle()
    {
        if (!BecomesQuiet())
        {
            return;
        }

        CheckNothingLost();
        for (var settling = 0; settling < 4 && Violation is null; settling++)
        {
            var letters = _devices.SelectMany(d => d.DeadLetters().Select(l => (Device: d, Letter: l))).ToList();
            letters.ForEach(l => l.Device.Discard(l.Letter));
            if (!BecomesQuiet() || letters.Count == 0)
            {
                break;
            }
        }

        if (Violation is null)
        {
            CheckEqual();
        }
    }

    private bool BecomesQuiet()
    {
        for (var round = 0; round < RoundsMax && Violation is null; round++)
        {
            Rest();
            var moved = false;
            foreach (var device in _devices)
            {
                moved |= Sync(device, isKilled: false);
            }

            if (!moved)
            {
                return true;
            }
        }

        Violate("starvation", $"not quiet {RoundsMax} rounds after faults ended");
        return false;
    }

    // A row of a space the user is no member of may only be his own, refused one.
    private void CheckNothingForeign(SharingDevice device)
    {
        var refused = device.DeadLetters().Select(l => l.Key.Trim('"')).ToHashSet(StringComparer.Ordinal);
        foreach (var (id, list) in device.Read("SELECT id, NULL FROM list UNION ALL SELECT id, list_id FROM item ORDER BY 1").Select(r => (r[0].AsText, r[1].IsNull ? null : r[1].AsText)))
        {
            if (Truth.Find(id) is { } row && Truth.RoleOf(device.User, row.Space) is null && !Truth.IsForgotten(device.User, row.Space) && !refused.Contains(id) && !(list is not null && refused.Contains(list)))
            {
                Violate("left rows", $"{device.Name} of {device.User} has {id} of {row.Space}, which he is no member of");
            }
        }
    }

    // On the server, or waiting for a person where it was made, or with its list.
    private void CheckNothingLost()
    {
        var server = _server.Rows().Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        var refused = _devices.ToDictionary(d => d.Name, d => d.DeadLetters().Select(l => l.Key.Trim('"')).ToHashSet(StringComparer.Ordinal), StringComparer.Ordinal);
        foreach (var row in Truth.Made.Where(r => !r.IsDeleted && !Truth.IsExcused(r.Id) && Truth.Find(r.List ?? r.Id) is { IsDeleted: false }))
        {
            var letters = refused[row.Device];
            if (!server.Contains(row.Id) && !letters.Contains(row.Id) && !(row.List is { } list && (letters.Contains(list) || !server.Contains(list))) && !IsKept(row))
            {
                Violate("lost row", $"{row.Id}, made by {row.Device} for {row.Space}, is neither on the server nor a dead letter");
            }
        }
    }

    private void CheckEqual()
    {
        var server = _server.Rows();
        foreach (var device in _devices)
        {
            var wanted = server.Where(r => Truth.RoleOf(device.User, r.Space) is not null).Select(r => r.Line).Order(StringComparer.Ordinal).ToList();
            var there = device.Read("SELECT id, 'list|' || id || '|' || title FROM list UNION ALL SELECT id, 'item|' || id || '|' || title FROM item")
                .Where(r => Truth.Find(r[0].AsText) is not { } row || !Truth.IsForgotten(device.User, row.Space)).Select(r => r[1].AsText).Order(StringComparer.Ordinal).ToList();
            if (!wanted.SequenceEqual(there, StringComparer.Ordinal))
            {
                Violate("equal", $"{device.Name} of {device.User} has not what its spaces have: missing {string.Join(", ", wanted.Except(there, StringComparer.Ordinal))}; too much {string.Join(", ", there.Except(wanted, StringComparer.Ordinal))}");
            }
        }
    }

    private bool CanGiveBack(SharingDevice device, string id) =>
        Truth.Find(id) is { } row && Truth.RoleOf(device.User, row.Space) is { } role && SpaceRoles.MayWrite(role) && device.Has(id);

    private bool IsKept(MadeRow row) => _devices.Exists(d => d.Name == row.Device && Truth.IsForgotten(d.User, row.Space) && d.Has(row.Id));
}
