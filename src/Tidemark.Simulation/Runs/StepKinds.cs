using Tidemark.Client.Coordination;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Network;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Runs;

/// <summary>The kinds of steps there are.</summary>
internal static class StepKinds
{
    public static IReadOnlyList<IStepKind> All { get; } =
    [
        new Kind("edit", 50, false, (w, d, dice) => w.Device(d).Edit(dice)),
        new Kind("sync", 45, false, (w, d, dice) => w.Device(d).Sync(dice.Pick([SyncMode.Full, SyncMode.Full, SyncMode.Full, SyncMode.PushOnly, SyncMode.PullOnly]))),
        .. Spells(),
        new Kind("crash", 4, true, (w, d, dice) => w.Device(d).Crash(dice.Chance(0.3) ? 0 : 1 + dice.Skewed(400), TimeSpan.FromSeconds(dice.Between(1, 20_000)))),
        new Kind("disk-full", 2, true, (w, d, dice) => Disk(w, d, dice, StoreTrouble.Full)),
        new Kind("disk-broken", 2, true, (w, d, dice) => Disk(w, d, dice, StoreTrouble.IoError)),
        new Kind("disk-busy", 2, true, (w, d, dice) => Disk(w, d, dice, StoreTrouble.Busy)),
        new Kind("clock", 3, true, (w, d, dice) => SetClock(w, d, dice)),
        new Kind("server-clock", 2, true, (w, _, dice) => w.Server.Skew = TimeSpan.FromSeconds(dice.Between(-10_000, 10_000))),
        new Kind("server-crash", 3, true, (w, _, dice) => w.Server.Crash(dice.Skewed(300), TimeSpan.FromSeconds(dice.Between(1, 3000)))),
        new Kind("server-backup", 3, true, (w, _, _) => w.Server.Backup()),
        new Kind("server-restore", 2, true, (w, _, dice) => RestoreServer(w, dice)),
        new Kind("compact", 2, true, (w, _, dice) => w.Server.Compact(dice.Chance(0.5) ? w.Shape.Retention : TimeSpan.FromHours(dice.Between(1, 24)))),
        new Kind("copy", 2, true, (w, d, _) => w.Device(d).KeepCopy()),
        new Kind("restore-copy", 1, true, (w, d, dice) => w.Device(d).RestoreCopy(dice.Below(8))),
        new Kind("clone", 1, true, (w, d, dice) => w.Clone(d, dice)),
        new Kind("reinstall", 1, true, (w, d, _) => w.Device(d).Reinstall()),
        new Kind("other-user", 1, true, (w, d, dice) => OtherUser(w, d, dice)),
        .. SecondKinds.All,
        new Kind("merge-edit", 45, false, (w, d, dice) => MergeEdit(w, d, dice)) { Since = Workloads.Third },
        new Kind("receipt-edit", 30, false, ReceiptEdit) { Since = Workloads.Fourth },
        new Kind("merge-duplicates", 12, false, (w, d, dice) => Devices.DuplicateMerges.Make(w, w.Device(d), dice)) { Since = Workloads.Sixth },
        new Kind("lost-answer", 20, true, LostAnswers.Play) { Since = Workloads.Twelfth },
    ];

    private static IEnumerable<Kind> Spells() =>
        from spell in new[]
        {
            ("drop-request", Fate.DropRequest), ("drop-response", Fate.DropResponse), ("delay", Fate.Delay), ("duplicate", Fate.Duplicate), ("arrive-late", Fate.ArriveLate),
            ("cut-body", Fate.CutBody), ("html", Fate.Html), ("unavailable", Fate.Unavailable), ("too-many", Fate.TooManyRequests), ("unauthorized", Fate.Unauthorized),
        }
        select new Kind(spell.Item1, 3, true, (w, d, dice) => w.Device(d).Weather.Add(new WeatherSpell(
            spell.Item2, w.Scheduler.Now + TimeSpan.FromSeconds(dice.Between(1, dice.Chance(0.5) ? 30 : 40_000)).Ticks, dice.Pick([0.2, 0.6, 1.0]), dice.Fork())));

    private static void MergeEdit(World world, int device, Dice dice)
    {
        if (world.Schema.Tables.Any(t => t.Merged.Count > 0))
        {
            Devices.AppWrites.Plain(world, world.Device(device), dice.Pick(Workload.MergeEdits.All), dice);
        }
    }

    private static void ReceiptEdit(World world, int device, Dice dice)
    {
        var target = world.Device(device);
        if (target.Process is { } process)
        {
            Devices.AppWrites.Queued(world, target, process.Store, dice, target.Off, wantsReceipt: true);
        }
    }

    private static void Disk(World world, int device, Dice dice, StoreTrouble trouble)
    {
        var target = world.Device(device);
        if (target.Process is not { } process)
        {
            return;
        }

        process.Watch.Trouble(trouble, dice.Pick([0.005, 0.05, 1.0]), dice.Fork());
        world.Scheduler.After(TimeSpan.FromSeconds(dice.Between(1, 7200)), process.Watch.NoTrouble);
    }

    private static void SetClock(World world, int device, Dice dice) => world.Device(device).Skew = Skew(dice);

    // A little, an hour (summer time taken for winter time), months, or a machine that thinks it is 1970 or 2099.
    private static TimeSpan Skew(Dice dice) => dice.Below(7) switch
    {
        0 => TimeSpan.Zero,
        1 => TimeSpan.FromMilliseconds(dice.Between(-5000, 5000)),
        2 => TimeSpan.FromHours(1),
        3 => TimeSpan.FromHours(-1),
        4 => TimeSpan.FromMinutes(dice.Between(-3000, 3000)),
        5 => TimeSpan.FromDays(dice.Between(-200, 200)),
        _ => TimeSpan.FromDays(dice.Chance(0.5) ? -20_500 : 26_000),
    };

    private static void RestoreServer(World world, Dice dice)
    {
        if (!world.Server.HasBackup)
        {
            world.Server.Backup();
            return;
        }

        if (!world.IsEverybodyBack)
        {
            return; // Two histories that no device has seen both of: LIMITATIONS.md.
        }

        world.Say("server", "is restored from a backup");
        world.Server.Restore(dice.Skewed(3));
    }

    private static void OtherUser(World world, int device, Dice dice)
    {
        var target = world.Device(device);
        if (target.Process is not { Store.User.Length: > 0 })
        {
            // The first one to sync a file owns it, whoever that is.
            return;
        }

        target.Token = "stranger";
        world.Scheduler.After(TimeSpan.FromSeconds(dice.Between(10, 40_000)), () => target.Token = target.User);
    }

    internal sealed record Kind(string Name, int Weight, bool IsFault, Action<World, int, Dice> Does) : IStepKind
    {
        public int Since { get; init; } = Workloads.First;

        public void Run(World world, int device, Dice dice) => Does(world, device, dice);
    }
}
