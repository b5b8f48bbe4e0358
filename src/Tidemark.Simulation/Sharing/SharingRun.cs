using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Server;
using Tidemark.Simulation.Network;
using Tidemark.Simulation.Runs;
using Tidemark.Sqlite;

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
    private readonly SharingCatalog? _catalog;
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
        if (HasCatalog)
        {
            _catalog = new SharingCatalog(this, folder, Dice.Fork());
            _catalog.Make();
        }
    }

    /// <summary>Of the apps.</summary>
    public SyncModel Model => HasCatalog ? PublicModel : SharedModel;

    private static SyncModel SharedModel { get; } = new SyncModelBuilder()
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

    private static SyncModel PublicModel { get; } = new SyncModelBuilder()
        .Entity("list", e => e.Field("id", FieldType.Text).Field("title", FieldType.Text).Field("space", FieldType.Text).Key("id").Space("space"))
        .Entity("item", e => e.Field("id", FieldType.Text).Field("list_id", FieldType.Text).Field("title", FieldType.Text).Key("id").Reference("list_id", "list", required: true, DeleteRule.Cascade).Space("list_id"))
        .Entity("food", e => e.Field("id", FieldType.Text).Field("name", FieldType.Text).Field("edition", FieldType.Integer).Field("space", FieldType.Text).Key("id").Space("space").Catalog("foods"))
        .Entity("meal", e => e.Field("id", FieldType.Text).Field("list_id", FieldType.Text).Field("food_id", FieldType.Text).Field("title", FieldType.Text).Key("id")
            .Reference("list_id", "list", required: true, DeleteRule.Cascade).Reference("food_id", "food", required: true, DeleteRule.Restrict).Space("list_id"))
        .Build() with
    {
        Schema =
        [
            .. SharedModel.Schema,
            new SchemaObject { Kind = "table", Name = "food", Table = "food", Sql = "CREATE TABLE food(id TEXT PRIMARY KEY, name TEXT, edition INTEGER, space TEXT)" },
            new SchemaObject { Kind = "table", Name = "meal", Table = "meal", Sql = "CREATE TABLE meal(id TEXT PRIMARY KEY, list_id TEXT NOT NULL REFERENCES list(id) ON DELETE CASCADE, food_id TEXT NOT NULL REFERENCES food(id), title TEXT)" },
        ],
    };

    public SharingTruth Truth { get; } = new();

    public IReadOnlyList<string> Users { get; } = [SharingTruth.Editor, "bob", "eve"];

    public IReadOnlyList<SharingDevice> Devices => _devices;

    /// <summary>Is the server killed and restored, and are the devices' disks in trouble?</summary>
    public bool HasDisasters => Options.Workload is Workloads.Seventh or Workloads.Eleventh;

    /// <summary>Are there public rows, and files for first fetches?</summary>
    public bool HasCatalog => Options.Workload == Workloads.Eleventh;

    public SharingCatalog? Catalog => _catalog;

    protected override TimeSpan Pause => TimeSpan.FromMinutes(7);

    protected override int DeviceDays => _devices.Count;

    protected override int Syncs => _syncs;

    public T Server<T>(string user, Func<SyncServer, Caller, Task<T>> ask, bool isAdministrator = false) => _server.Ask(user, ask, isAdministrator);

    /// <summary>SQL for all rows: space_id, id and what a row says, as `line`.</summary>
    /// <param name="space">SQL for the space.</param>
    public string Lines(string space) =>
        $"SELECT {space} AS space_id, id, 'list|' || id || '|' || title AS line FROM list UNION ALL SELECT {space}, id, 'item|' || id || '|' || title FROM item"
        + (HasCatalog ? $" UNION ALL SELECT {space}, id, 'food|' || id || '|' || name || '|' || coalesce(edition, '') FROM food UNION ALL SELECT {space}, id, 'meal|' || id || '|' || food_id || '|' || title FROM meal" : "");

    /// <summary>Has the device not synced since the server was restored?</summary>
    public bool IsAway(SharingDevice device) => _away.Contains(device.Name);

    /// <summary>Somebody gets another device.</summary>
    public SharingDevice Join(IReadOnlyList<string> shipped)
    {
        var device = new SharingDevice(this, ((char)('A' + _devices.Count)).ToString(), Dice.Pick(Users), Folder, Dice.Fork(), shipped);
        _devices.Add(device);
        return device;
    }

    public WireReply? Handle(WireRequest request)
    {
        var reply = _server.Handle(request);
        if (request.Path == "/sync/push")
        {
            _catalog?.Note(_server.Rows());
        }

        return reply;
    }

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

    /// <summary>The server's disk is in trouble during the next run of that device.</summary>
    public void TroubleServer(SharingDevice device, StoreTrouble trouble, double chance)
    {
        Met("server-disk");
        _server.Trouble(trouble, chance, Dice.Fork());
        Sync(device, isKilled: false);
        _server.NoTrouble();
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
        var referred = HasCatalog ? SharingCatalog.References(device) : [];
        var report = device.Sync(isKilled);
        if (report is null)
        {
            Say(device.Name, "is killed in the middle of a run");
            _catalog?.CheckWhole(device, referred);
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

        _catalog?.CheckWhole(device, referred);
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

        if (_catalog is not null && Violation is null)
        {
            _catalog.Settled();
            _catalog.Publish(); // The last one: whatever restores have mixed is of one edition again.
            BecomesQuiet();
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
        var meals = HasCatalog ? "UNION ALL SELECT id, list_id FROM meal UNION ALL SELECT id, NULL FROM food " : "";
        foreach (var (id, list) in device.Read($"SELECT id, NULL FROM list UNION ALL SELECT id, list_id FROM item {meals}ORDER BY 1").Select(r => (r[0].AsText, r[1].IsNull ? null : r[1].AsText)))
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
        var foods = server.Where(r => r.Line.StartsWith("food|", StringComparison.Ordinal)).Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var device in _devices)
        {
            var referred = HasCatalog ? SharingCatalog.References(device) : [];
            var wanted = server.Where(r => Truth.RoleOf(device.User, r.Space) is not null && !IsOutOfCatalog(r.Line)).Select(r => r.Line).Order(StringComparer.Ordinal).ToList();
            var there = device.Read($"SELECT id, line FROM ({Lines("''")})")
                .Where(r => (Truth.Find(r[0].AsText) is not { } row || !Truth.IsForgotten(device.User, row.Space)) && !IsOutOfCatalog(r[1].AsText) && (foods.Contains(r[0].AsText) || !referred.Contains(r[0].AsText)))
                .Select(r => r[1].AsText).Order(StringComparer.Ordinal).ToList();
            if (!wanted.SequenceEqual(there, StringComparer.Ordinal))
            {
                Violate("equal", $"{device.Name} of {device.User} has not what its spaces have: missing {string.Join(", ", wanted.Except(there, StringComparer.Ordinal))}; too much {string.Join(", ", there.Except(wanted, StringComparer.Ordinal))}");
            }
        }

        // A meal of a food that the catalog has no more is only where that food still is.
        bool IsOutOfCatalog(string line) => line.Split('|') is ["meal", _, var food, _] && !foods.Contains(food);
    }

    private bool CanGiveBack(SharingDevice device, string id) =>
        Truth.Find(id) is { } row && Truth.RoleOf(device.User, row.Space) is { } role && SpaceRoles.MayWrite(role) && device.Has(id);

    private bool IsKept(MadeRow row) => _devices.Exists(d => d.Name == row.Device && Truth.IsForgotten(d.User, row.Space) && d.Has(row.Id));
}
