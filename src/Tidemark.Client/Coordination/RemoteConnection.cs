using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Coordination;

/// <summary>What this process has learned of the server: who is signed in, its limits, that it has the model. Asked once, not in every run.</summary>
internal sealed class RemoteConnection(LocalStore store, IRemote remote, SyncOptions options)
{
    private bool _known;

    public WireLimits Limits { get; private set; } = new();

    /// <summary>Somebody has signed out: the next run asks again who it is.</summary>
    public void Forget() => _known = false;

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
