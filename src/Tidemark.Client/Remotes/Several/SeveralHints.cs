namespace Tidemark.Client.Remotes.Several;

/// <summary>
/// The hints of all remotes of a file as those of one. Heads of different remotes cannot be compared, so each hint stands for one step more: a cycle serves all that
/// came before it began, and one that came too often costs a cycle that finds nothing.
/// </summary>
internal sealed class SeveralHints(IReadOnlyList<ILiveHints> hints) : ILiveHints
{
    // The connection that is worst off says what can be relied on.
    private static readonly LiveHintState[] WorstFirst = [LiveHintState.Waiting, LiveHintState.Connecting, LiveHintState.Stopped, LiveHintState.Live];
    private readonly Lock _lock = new();
    private long _steps;

    public event EventHandler? StateChanged
    {
        add
        {
            foreach (var each in hints)
            {
                each.StateChanged += value;
            }
        }

        remove
        {
            foreach (var each in hints)
            {
                each.StateChanged -= value;
            }
        }
    }

    public LiveHintState State => WorstFirst.First(state => hints.Any(each => each.State == state));

    /// <summary>Those of the remotes that have some; null: none has.</summary>
    /// <param name="remotes">Of the file.</param>
    /// <param name="options">For a space; null: the user's own.</param>
    public static ILiveHints? Of(IReadOnlyList<NamedRemote> remotes, Func<string?, LiveHintOptions> options)
    {
        var all = remotes.Select(r => r.Remote switch
        {
            TidemarkStagedRemote tidemark => tidemark.CreateHints(options),
            IHintingRemote hinting => hinting.CreateHints(options(null)),
            _ => null,
        }).OfType<ILiveHints>().ToList();
        return all.Count == 0 ? null : new SeveralHints(all);
    }

    public Task RunAsync(Action<LiveHint> hinted, CancellationToken cancellationToken) =>
        Task.WhenAll(hints.Select(each => each.RunAsync(hint => Pass(hint, hinted), cancellationToken)));

    private void Pass(LiveHint hint, Action<LiveHint> hinted)
    {
        lock (_lock)
        {
            hinted(new LiveHint(hint.Space, ++_steps));
        }
    }
}
