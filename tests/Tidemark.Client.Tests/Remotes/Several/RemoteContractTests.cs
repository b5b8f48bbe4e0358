using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Tests.Support;
using Tidemark.Simulation.Several;
using Tidemark.Testing.Remotes;

namespace Tidemark.Client.Tests.Remotes.Several;

public sealed class TidemarkRemoteContractTests : RemoteContract
{
    private World? _world;

    protected override Func<Task>? ExpireTokens => () => ChangeEpochAsync();

    protected override Func<Task>? CutOff => async () => await _world!.StopServerAsync();

    protected override async Task<IStagedRemote> StartAsync()
    {
        _world = await World.StartAsync();
        await _world.BackUpServerAsync();
        return new TidemarkStagedRemote(new SwitchingServer(_world), SyncEnvironment.System);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_world is not null)
        {
            try
            {
                await _world.DisposeAsync();
            }
            catch (ObjectDisposedException)
            {
                // Cut off.
            }
        }
    }

    private Task ChangeEpochAsync() => _world!.RestoreServerAsync();
}

/// <summary>The server of a world, wherever it listens after a restart.</summary>
internal sealed class SwitchingServer(World world) : Client.Remotes.IRemote
{
    private TidemarkHttpRemote Now => new(world.Address, _ => Task.FromResult(world.Token()), SyncEnvironment.System);

    public Task<Tidemark.Model.Protocol.ModelInfo> GetModelAsync(CancellationToken cancellationToken) => Now.GetModelAsync(cancellationToken);

    public Task<Tidemark.Model.Protocol.ModelInfo> PutModelAsync(Tidemark.Model.Entities.SyncModel model, CancellationToken cancellationToken) => Now.PutModelAsync(model, cancellationToken);

    public Task<Tidemark.Model.Protocol.PushResponse> PushAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken) => Now.PushAsync(body, cancellationToken);

    public Task<byte[]> GetChangesAsync(Tidemark.Model.Protocol.ChangesRequest request, CancellationToken cancellationToken) => Now.GetChangesAsync(request, cancellationToken);

    public Task<Tidemark.Model.Protocol.ChecksumsResponse> GetChecksumsAsync(Tidemark.Model.Protocol.ChecksumsRequest request, CancellationToken cancellationToken) => Now.GetChecksumsAsync(request, cancellationToken);

    public Task<Tidemark.Model.Protocol.RowsResponse> GetRowsAsync(Tidemark.Model.Protocol.RowsRequest request, CancellationToken cancellationToken) => Now.GetRowsAsync(request, cancellationToken);
}

/// <summary>What a programmable remote claims, it keeps; each line switches something off.</summary>
public sealed class WholeProgrammableRemoteTests : ProgrammableContract;

public sealed class PoorProgrammableRemoteTests : ProgrammableContract
{
    protected override RemoteCapabilities Capabilities => new() { Stamps = false, Tombstones = false, Lookup = false, Patches = false, PageRowsMax = 3 };
}

public sealed class UnconditionalProgrammableRemoteTests : ProgrammableContract
{
    protected override RemoteCapabilities Capabilities => new() { ConditionalWrites = false };
}

public abstract class ProgrammableContract : RemoteContract
{
    private readonly ProgrammableRemote _remote = new();

    protected virtual RemoteCapabilities Capabilities => new();

    protected override Func<Task>? ExpireTokens => () =>
    {
        _remote.Forget();
        return Task.CompletedTask;
    };

    protected override Func<Task>? CutOff => () =>
    {
        _remote.IsDown = true;
        return Task.CompletedTask;
    };

    protected override Task<IStagedRemote> StartAsync()
    {
        _remote.Capabilities = Capabilities;
        return Task.FromResult<IStagedRemote>(_remote);
    }

    public override ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}
