using System.Security.Cryptography;
using System.Text;
using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Runs;

/// <summary>A run of a workload that is a world of its own: its steps one after the other, its story, what struck, the first broken promise, and what came of it.</summary>
internal abstract class WorldRun : IDisposable
{
    private readonly List<string> _story = [];
    private readonly List<(int Step, Action Handle)> _late = [];
    private readonly SortedDictionary<string, int> _met = new(StringComparer.Ordinal);

    /// <param name="options">What is asked for.</param>
    /// <param name="folder">For the files of the run.</param>
    /// <param name="salt">Of the world: the same seed is another run in another one.</param>
    protected WorldRun(SimulationOptions options, string folder, ulong salt) =>
        (Options, Folder, Dice) = (options, folder, new Dice(Dice.Mix(options.Seed, salt)));

    public Scheduler Scheduler { get; } = new();

    /// <summary>No more faults.</summary>
    public bool Calm { get; private set; }

    public int Edits { get; set; }

    public Violation? Violation { get; private set; }

    protected SimulationOptions Options { get; }

    protected string Folder { get; }

    protected Dice Dice { get; }

    protected IReadOnlyList<string> Story => _story;

    /// <summary>The longest time between two steps.</summary>
    protected abstract TimeSpan Pause { get; }

    /// <summary>After how many steps at most what is late arrives.</summary>
    protected virtual int LateStepsMax => 8;

    protected abstract int DeviceDays { get; }

    protected abstract int Syncs { get; }

    /// <summary>Runs a seed in a folder of its own, on this thread alone.</summary>
    /// <param name="options">What is asked for.</param>
    /// <param name="defaultFolder">Where that folder is made when nothing else is said.</param>
    /// <param name="name">Of the world.</param>
    /// <param name="make">Makes the run, in the folder.</param>
    public static SimulationResult Play(SimulationOptions options, string defaultFolder, string name, Func<SimulationOptions, string, WorldRun> make)
    {
        var before = SynchronizationContext.Current;
        var folder = Directory.CreateDirectory(Path.Combine(options.Folder ?? defaultFolder, FormattableString.Invariant($"tidemark-{name}-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}-{options.Seed}")));
        SynchronizationContext.SetSynchronizationContext(null);
        WorldRun? run = null;
        try
        {
            run = make(options, folder.FullName);
            return run.PlayGuarded();
        }
        finally
        {
            run?.Dispose();
            if (!options.KeepFiles)
            {
                folder.Delete(recursive: true);
            }

            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    public void Say(string who, string what) => _story.Add($"{Runs.Story.TimeOf(Scheduler.Now)}  {who}: {what}");

    public void Met(string fault) => _met[fault] = _met.GetValueOrDefault(fault) + 1;

    public void Violate(string checker, string what)
    {
        if (Violation is null)
        {
            Violation = new Violation(checker, what);
            Say("CHECK", $"{checker}: {what}");
        }
    }

    /// <summary>What happens some steps from now, whatever happens until then.</summary>
    public void ArriveLater(Action handle) => _late.Add((Step + 1 + Dice.Below(LateStepsMax), handle));

    public abstract void Dispose();

    protected int Step { get; private set; }

    /// <summary>How many steps, unless the options say so.</summary>
    protected abstract int StepsOfSeed();

    protected abstract void Next();

    /// <summary>Nothing strikes any more: what is to hold then.</summary>
    protected abstract void Settle();

    protected virtual SimulationResult Completed(SimulationResult result) => result;

    protected void Rest() => Scheduler.RunUntil(Scheduler.Now + Pause.Ticks, static () => { });

    private SimulationResult PlayGuarded()
    {
        try
        {
            PlaySteps();
        }
#pragma warning disable CA1031 // whatever is thrown is a finding, with the story that led to it
        catch (Exception e)
#pragma warning restore CA1031
        {
            Violate("thrown", e.ToString());
        }

        return Completed(new SimulationResult
        {
            Seed = Options.Seed,
            Violation = Violation,
            Digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', _story)))),
            Story = _story,
            FaultsMet = _met,
            DeviceDays = DeviceDays,
            Steps = Step,
            Edits = Edits,
            Syncs = Syncs,
            Events = Scheduler.Events,
        });
    }

    private void PlaySteps()
    {
        var count = Options.Steps ?? StepsOfSeed();
        for (Step = 0; Step < count && Violation is null; Step++)
        {
            Scheduler.RunUntil(Scheduler.Now + Dice.Below(Pause.Ticks), static () => { });
            ArriveUntil(Step);
            Next();
        }

        Calm = true;
        while (_late.Count > 0)
        {
            ArriveUntil(int.MaxValue);
        }

        Settle();
    }

    private void ArriveUntil(int step)
    {
        foreach (var late in _late.Where(l => l.Step <= step).ToArray())
        {
            _late.Remove(late);
            late.Handle();
        }
    }
}
