using Tidemark.Model.Entities;
using Tidemark.Server;
using Tidemark.Server.Storage;

namespace Tidemark.Testing.Server;

/// <summary>A server on a store that the inheritor opens, and devices that speak to it.</summary>
public abstract class ServerContract : IAsyncDisposable
{
    private readonly SyncModel _model;
    private IServerStore? _store;
    private SyncServer? _server;

    protected ServerContract(SyncModel model) => _model = model;

    protected ManualTime Time { get; } = new();

    protected IServerStore Store => _store ??= OpenStore(new ServerEnvironment { Time = Time });

    protected SyncServer Server => _server ??= new SyncServer(Store, new ServerEnvironment { Time = Time }, new ServerOptions());

    public virtual async ValueTask DisposeAsync()
    {
        _server?.Dispose();
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    protected abstract IServerStore OpenStore(ServerEnvironment environment);

    protected async Task<PushingDevice> DeviceAsync(string store = "one")
    {
        var device = new PushingDevice(Server, _model, "anna", store);
        await Server.PutModelAsync(device.Caller, SyncModelJson.ToUtf8(_model), CancellationToken.None);
        return device;
    }
}
