using System.Collections.Concurrent;
using Tidemark.Model.Values;
using Tidemark.Server.Access;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>The live connections of this node, which end when the token or the device they came with is revoked, at whatever node.</summary>
internal sealed class LiveConnections : IDisposable
{
    private readonly ConcurrentDictionary<LiveConnection, bool> _open = new();
    private readonly AccessService _access;
    private readonly ITimer _timer;

    public LiveConnections(AccessService access, ServerOptions options, ServerEnvironment environment)
    {
        _access = access;
        access.Moved += Look;
        _timer = environment.Time.CreateTimer(_ => Look(user: null), null, options.Access.LookEvery, options.Access.LookEvery);
    }

    public LiveConnection Add(Caller caller, string? deviceId)
    {
        var connection = new LiveConnection(caller, deviceId, c => _open.TryRemove(c, out _));
        _open[connection] = true;
        return connection;
    }

    public void Dispose()
    {
        _access.Moved -= Look;
        _timer.Dispose();
    }

    // Null: any of them.
    private void Look(UserId? user)
    {
        foreach (var connection in _open.Keys.Where(c => user is null || c.Caller.User == user))
        {
            _ = LookAsync(connection);
        }
    }

    private async Task LookAsync(LiveConnection connection)
    {
        try
        {
            if (!await _access.IsAdmittedAsync(connection.Caller, connection.DeviceId, CancellationToken.None).ConfigureAwait(false))
            {
                connection.Cut();
            }
        }
        catch (ServerException)
        {
            // The store is in trouble; the next look asks again.
        }
    }
}

/// <summary>One of them.</summary>
internal sealed class LiveConnection(Caller caller, string? deviceId, Action<LiveConnection> left) : IDisposable
{
    private readonly CancellationTokenSource _cut = new();
    private readonly Lock _lock = new();
    private bool _isDisposed;

    public Caller Caller => caller;

    public string? DeviceId => deviceId;

    /// <summary>Cancelled when it may not go on.</summary>
    public CancellationToken IsCut => _cut.Token;

    public void Cut()
    {
        lock (_lock)
        {
            if (!_isDisposed)
            {
                _cut.Cancel();
            }
        }
    }

    public void Dispose()
    {
        left(this);
        lock (_lock)
        {
            _isDisposed = true;
            _cut.Dispose();
        }
    }
}
