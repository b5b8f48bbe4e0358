using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Live;

/// <summary>Who listens to which space. Nothing waits for a listener: each keeps one position per type until it is asked for.</summary>
internal sealed class HintHub(int listenersPerUserMax)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SpaceId, HashSet<HintListener>> _spaces = [];
    private readonly Dictionary<UserId, HashSet<HintListener>> _users = [];

    /// <param name="user">Whose connection it is.</param>
    /// <param name="spaces">What it hears of.</param>
    /// <param name="deviceId">Its own changes are not told to it; null: everything is.</param>
    /// <param name="isAll">It hears of spaces that the user joins later, too.</param>
    /// <exception cref="ServerException">RATE_LIMITED: the user has as many connections as one may have.</exception>
    public HintListener Listen(UserId user, IReadOnlyList<SpaceId> spaces, string? deviceId, bool isAll)
    {
        lock (_lock)
        {
            var count = _users.GetValueOrDefault(user)?.Count ?? 0;
            if (count >= listenersPerUserMax)
            {
                throw Problems.Of(ErrorCodes.RateLimited, $"A user may have {listenersPerUserMax} live connections.");
            }

            var listener = new HintListener(this, user, deviceId, isAll);
            if (!_users.TryGetValue(user, out var connections))
            {
                _users[user] = connections = [];
            }

            connections.Add(listener);
            foreach (var space in spaces)
            {
                Add(listener, space);
            }

            return listener;
        }
    }

    /// <summary>Who is a member of a shared space now.</summary>
    public void Follow(SpaceId space, IReadOnlyCollection<UserId> members, long head)
    {
        lock (_lock)
        {
            foreach (var listener in _spaces.TryGetValue(space, out var all) ? all.Where(l => !members.Contains(l.User)).ToArray() : [])
            {
                Remove(listener, space);
                if (listener.IsAll)
                {
                    listener.Add(space, [LiveMessage.Members], head);
                }
                else
                {
                    listener.End();
                }
            }

            foreach (var listener in members.SelectMany(m => _users.GetValueOrDefault(m) ?? []).Where(l => l.IsAll).ToArray())
            {
                Add(listener, space);
                listener.Add(space, [LiveMessage.Members], head);
            }
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
            listener.Add(space, names.Length == 0 ? [LiveMessage.Head] : names, position);
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
            foreach (var space in listener.Spaces.ToArray())
            {
                Remove(listener, space);
            }

            if (_users.TryGetValue(listener.User, out var connections) && connections.Remove(listener) && connections.Count == 0)
            {
                _users.Remove(listener.User);
            }
        }
    }

    private void Add(HintListener listener, SpaceId space)
    {
        if (!_spaces.TryGetValue(space, out var listeners))
        {
            _spaces[space] = listeners = [];
        }

        listeners.Add(listener);
        listener.Spaces.Add(space);
    }

    private void Remove(HintListener listener, SpaceId space)
    {
        listener.Spaces.Remove(space);
        if (_spaces.TryGetValue(space, out var all) && all.Remove(listener) && all.Count == 0)
        {
            _spaces.Remove(space);
        }
    }
}

/// <summary>One connection's hints: what it has not been told yet, the newest position of each type.</summary>
public sealed class HintListener : IDisposable
{
    private readonly Lock _lock = new();
    private readonly HintHub _hub;
    private readonly SortedDictionary<(string Space, string Type), long> _waiting = new(Comparer<(string Space, string Type)>.Create(static (a, b) =>
        string.CompareOrdinal(a.Space, b.Space) is var order && order != 0 ? order : string.CompareOrdinal(a.Type, b.Type)));
    private bool _ended;
    private TaskCompletionSource _arrived = New();

    internal HintListener(HintHub hub, UserId user, string? deviceId, bool isAll)
    {
        _hub = hub;
        User = user;
        DeviceId = deviceId;
        IsAll = isAll;
    }

    internal UserId User { get; }

    internal bool IsAll { get; }

    /// <summary>What it hears of; the hub's to change, under its lock.</summary>
    internal HashSet<SpaceId> Spaces { get; } = [];

    internal string? DeviceId { get; }

    /// <summary>Waits for something to tell, and takes it: one message for each space and type, in the order of their names. None: the user is no member of the space any more, and hears no more of it.</summary>
    public async Task<IReadOnlyList<LiveMessage>> NextAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Task arrived;
            lock (_lock)
            {
                if (_waiting.Count > 0)
                {
                    var messages = _waiting.Select(w => new LiveMessage { Type = w.Key.Type, Space = w.Key.Space, Position = w.Value }).ToArray();
                    _waiting.Clear();
                    return messages;
                }

                if (_ended)
                {
                    return [];
                }

                arrived = _arrived.Task;
            }

            await arrived.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    public void Dispose() => _hub.Leave(this);

    internal void End()
    {
        lock (_lock)
        {
            _waiting.Clear();
            _ended = true;
            _arrived.TrySetResult();
        }
    }

    internal void Add(SpaceId space, IReadOnlyList<string> types, long position)
    {
        lock (_lock)
        {
            foreach (var type in types)
            {
                _waiting[(space.Value, type)] = Math.Max(position, _waiting.GetValueOrDefault((space.Value, type)));
            }

            _arrived.TrySetResult();
            _arrived = New();
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
