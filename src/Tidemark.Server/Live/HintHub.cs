using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Live;

/// <summary>Who listens to which space. Nothing waits for a listener: each keeps one position per type until it is asked for.</summary>
internal sealed class HintHub(int listenersPerUserMax)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SpaceId, HashSet<HintListener>> _spaces = [];
    private readonly Dictionary<UserId, int> _users = [];

    /// <param name="user">Whose connection it is.</param>
    /// <param name="space">What it hears of.</param>
    /// <param name="deviceId">Its own changes are not told to it; null: everything is.</param>
    /// <exception cref="ServerException">RATE_LIMITED: the user has as many connections as one may have.</exception>
    public HintListener Listen(UserId user, SpaceId space, string? deviceId)
    {
        lock (_lock)
        {
            var count = _users.GetValueOrDefault(user);
            if (count >= listenersPerUserMax)
            {
                throw Problems.Of(ErrorCodes.RateLimited, $"A user may have {listenersPerUserMax} live connections.");
            }

            _users[user] = count + 1;
            var listener = new HintListener(this, user, space, deviceId);
            if (!_spaces.TryGetValue(space, out var listeners))
            {
                _spaces[space] = listeners = [];
            }

            listeners.Add(listener);
            return listener;
        }
    }

    /// <summary>A commit has been made.</summary>
    /// <param name="space">Where.</param>
    /// <param name="position">Its position.</param>
    /// <param name="types">The entity types it wrote, as far as they are known.</param>
    /// <param name="deviceId">Whose it is; null: nobody's in particular.</param>
    public void Publish(SpaceId space, long position, IEnumerable<string> types, string? deviceId)
    {
        HintListener[] listeners;
        lock (_lock)
        {
            if (!_spaces.TryGetValue(space, out var all))
            {
                return;
            }

            listeners = [.. all.Where(l => deviceId is null || l.DeviceId != deviceId)];
        }

        if (listeners.Length == 0)
        {
            return;
        }

        var names = types.Select(t => t + LiveMessage.Updated).Distinct(StringComparer.Ordinal).ToArray();
        foreach (var listener in listeners)
        {
            listener.Add(names.Length == 0 ? [LiveMessage.Head] : names, position);
        }
    }

    /// <summary>The spaces that somebody listens to.</summary>
    public IReadOnlyList<SpaceId> Spaces()
    {
        lock (_lock)
        {
            return [.. _spaces.Keys];
        }
    }

    internal void Leave(HintListener listener)
    {
        lock (_lock)
        {
            if (_spaces.TryGetValue(listener.Space, out var all) && all.Remove(listener))
            {
                if (all.Count == 0)
                {
                    _spaces.Remove(listener.Space);
                }

                if (--_users[listener.User] == 0)
                {
                    _users.Remove(listener.User);
                }
            }
        }
    }
}

/// <summary>One connection's hints: what it has not been told yet, the newest position of each type.</summary>
public sealed class HintListener : IDisposable
{
    private readonly Lock _lock = new();
    private readonly HintHub _hub;
    private readonly SortedDictionary<string, long> _waiting = new(StringComparer.Ordinal);
    private TaskCompletionSource _arrived = New();

    internal HintListener(HintHub hub, UserId user, SpaceId space, string? deviceId)
    {
        _hub = hub;
        User = user;
        Space = space;
        DeviceId = deviceId;
    }

    internal UserId User { get; }

    internal SpaceId Space { get; }

    internal string? DeviceId { get; }

    /// <summary>Waits for something to tell, and takes it: one message for each type, in the order of their names.</summary>
    public async Task<IReadOnlyList<LiveMessage>> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task arrived;
            lock (_lock)
            {
                if (_waiting.Count > 0)
                {
                    var messages = _waiting.Select(w => new LiveMessage { Type = w.Key, Space = Space.Value, Position = w.Value }).ToArray();
                    _waiting.Clear();
                    return messages;
                }

                arrived = _arrived.Task;
            }

            await arrived.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _hub.Leave(this);

    internal void Add(IReadOnlyList<string> types, long position)
    {
        lock (_lock)
        {
            foreach (var type in types)
            {
                _waiting[type] = Math.Max(position, _waiting.GetValueOrDefault(type));
            }

            _arrived.TrySetResult();
            _arrived = New();
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
