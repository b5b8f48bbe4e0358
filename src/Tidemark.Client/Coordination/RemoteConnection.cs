using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Coordination;

/// <summary>What this process has learned of the server: who is signed in, its limits, that it has the model. Asked once, not in every run.</summary>
internal sealed class RemoteConnection(LocalStore store, IRemote remote, SyncEnvironment environment, SyncOptions options)
{
    private bool _known;
    private (SyncException Cause, long Since)? _pause;

    public WireLimits Limits { get; private set; } = new();

    /// <summary>The server asked for a pause: it is kept by whoever starts the next run of this process.</summary>
    public void NotePause(SyncException error)
    {
        if (error.RetryAfter > TimeSpan.Zero)
        {
            _pause = (error, environment.Time.GetTimestamp());
        }
    }

    /// <exception cref="SyncException">The pause the server asked for is not over.</exception>
    public void CheckPause()
    {
        if (_pause is not { } pause)
        {
            return;
        }

        var left = pause.Cause.RetryAfter!.Value - environment.Time.GetElapsedTime(pause.Since);
        if (left <= TimeSpan.Zero)
        {
            _pause = null;
            return;
        }

        // Of the same length as the rest of the pause, but not noted again: the first word counts.
        throw new SyncException(pause.Cause.Code, $"The server asked for a pause; {Math.Ceiling(left.TotalSeconds):0} s of it are left and nothing was sent. ({pause.Cause.Message})", retryable: true, pause.Cause) { WireCode = pause.Cause.WireCode, RetryAfter = left };
    }

    /// <exception cref="SyncException">Another user's file, or a model the server does not take.</exception>
    public async Task EnsureAsync(CancellationToken cancellationToken)
    {
        if (_known)
        {
            return;
        }

        var info = await remote.GetModelAsync(cancellationToken).ConfigureAwait(false);
        Limits = info.Limits;
        store.BindUser(info.User);
        if (!string.Equals(info.Hash, store.Model.Hash, StringComparison.Ordinal) && options.RegisterModel && info.Version <= store.Model.Version)
        {
            await RegisterAsync(cancellationToken).ConfigureAwait(false);
        }

        _known = true;
    }

    public async Task RegisterAsync(CancellationToken cancellationToken)
    {
        try
        {
            await remote.PutModelAsync(store.Model, cancellationToken).ConfigureAwait(false);
        }
        catch (SyncException e) when (e.WireCode == ErrorCodes.Forbidden)
        {
            throw new SyncException(
                SyncErrorCode.ModelMismatch,
                "The server has another model and this user may not change it. Let an administrator register it (`PUT /sync/model`, or `tidemark serve --model FILE`), or start a development server with --dev.",
                false, e);
        }
    }
}
