using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Access;

namespace Tidemark.Server.Live;

/// <summary>Carries hints between this node's listeners and the other nodes: told together, after the pushes they are of, and never waited for.</summary>
internal sealed class NodeRelay(INodeHints nodes, HintHub hub, ServerEnvironment environment, Func<SpaceId, CancellationToken, Task> membersMoved, AccessService? access = null)
{
    /// <summary>In place of a type: not rows have moved, but what the user of the space may do.</summary>
    public const string AccessMoved = "$access";
    private const int SpacesMax = 10_000;
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(10);
    private readonly Lock _lock = new();
    private Dictionary<SpaceId, NodeHint> _waiting = [];
    private TaskCompletionSource _some = New();

    /// <summary>To be told; of a space that waits already the two become one, of nobody's device in particular unless both are of the same.</summary>
    public void Tell(NodeHint hint)
    {
        lock (_lock)
        {
            if (_waiting.TryGetValue(hint.Space, out var former))
            {
                _waiting[hint.Space] = new NodeHint(hint.Space, Math.Max(hint.Position, former.Position), [.. former.Types.Union(hint.Types, StringComparer.Ordinal)], hint.Device == former.Device ? hint.Device : null);
            }
            else if (_waiting.Count < SpacesMax)
            {
                _waiting[hint.Space] = hint;
            }

            _some.TrySetResult();
        }
    }

    /// <summary>Runs until it is stopped.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(
        AgainAsync(SendAsync, cancellationToken),
        AgainAsync(token => nodes.ListenAsync(() => CatchUpAsync(token), HeardAsync, token), cancellationToken));

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await _some.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(Gathering, environment.Time, cancellationToken).ConfigureAwait(false);
            NodeHint[] hints;
            lock (_lock)
            {
                hints = [.. _waiting.Values];
                _waiting = [];
                _some = New();
            }

            await nodes.TellAsync(hints, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task HeardAsync(NodeHint? hint)
    {
        if (hint is null)
        {
            await CatchUpAsync(CancellationToken.None).ConfigureAwait(false);
        }
        else if (hint.Types.Contains(LiveMessage.Members, StringComparer.Ordinal))
        {
            await membersMoved(hint.Space, CancellationToken.None).ConfigureAwait(false);
        }
        else
        {
            if (hint.Types.Contains(AccessMoved, StringComparer.Ordinal))
            {
                access?.Hear(Server.Spaces.OwnerOf(hint.Space));
            }

            var types = hint.Types.Where(t => t != AccessMoved).ToArray();
            if (types.Length > 0 || hint.Types.Count == 0)
            {
                hub.Publish(hint.Space, hint.Position, types, hint.Device);
            }
        }
    }

    // Whatever was missed shows in the heads; a listener that knows its head already is told it once more.
    private async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        access?.Hear(user: null);
        var spaces = hub.Spaces();
        foreach (var space in spaces.Where(Server.Spaces.IsShared))
        {
            await membersMoved(space, cancellationToken).ConfigureAwait(false);
        }

        if (spaces.Count > 0)
        {
            foreach (var (space, head) in await nodes.ReadHeadsAsync(spaces, cancellationToken).ConfigureAwait(false))
            {
                hub.Publish(space, head, [], deviceId: null);
            }
        }
    }

    // Hints may be lost, the node may not: trouble is waited out, however long it takes.
    private async Task AgainAsync(Func<CancellationToken, Task> work, CancellationToken cancellationToken)
    {
        var pause = PauseMin;
        while (!cancellationToken.IsCancellationRequested)
        {
            var started = environment.Time.GetTimestamp();
            try
            {
                await work(cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (ServerException)
            {
                pause = environment.Time.GetElapsedTime(started) > PauseMax ? PauseMin : TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, PauseMax.Ticks));
            }

            try
            {
                await Task.Delay(pause, environment.Time, cancellationToken).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
