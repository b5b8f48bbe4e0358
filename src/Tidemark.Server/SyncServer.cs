using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Changes;
using Tidemark.Server.Leases;
using Tidemark.Server.Live;
using Tidemark.Server.Models;
using Tidemark.Server.Push;
using Tidemark.Server.Storage;

namespace Tidemark.Server;

/// <summary>The server's decisions behind every endpoint. Each method may be called by any number of threads.</summary>
public sealed class SyncServer : IDisposable
{
    private const string CursorKeyName = "cursor-key";
    private readonly IServerStore _store;
    private readonly ServerEnvironment _environment;
    private readonly ModelService _models;
    private readonly SemaphoreSlim _keyLock = new(1, 1);
    private readonly HintHub _hints;
    private readonly NodeRelay? _relay;
    private readonly LeaseService _leases;
    private ChangesService? _changes;

    public SyncServer(IServerStore store, ServerEnvironment environment, ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _store = store ?? throw new ArgumentNullException(nameof(store));
        _environment = environment ?? throw new ArgumentNullException(nameof(environment));
        Options = options;
        _models = new ModelService(store, options);
        _leases = new LeaseService(store, options.Leases, environment);
        _hints = new HintHub(options.ListenersPerUserMax);
        _relay = store.Nodes is { } nodes ? new NodeRelay(nodes, _hints, environment) : null;
    }

    public ServerOptions Options { get; }

    public Task<ModelInfo> GetModelAsync(Caller caller, CancellationToken cancellationToken) => _models.GetAsync(caller, cancellationToken);

    public async Task<ModelInfo> PutModelAsync(Caller caller, ReadOnlyMemory<byte> modelUtf8, CancellationToken cancellationToken)
    {
        // Kept from the first model on, so that every backup has the key its cursors were signed with.
        _ = await ChangesAsync(cancellationToken).ConfigureAwait(false);
        return await StoreRetries.RunAsync(_environment, () => _models.PutAsync(caller, modelUtf8, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    public async Task<IReadOnlyList<SpaceInfo>> GetSpacesAsync(Caller caller, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var space = Spaces.DefaultOf(caller.User);
        return await ReadAsync<IReadOnlyList<SpaceInfo>>(space, snapshot => Task.FromResult<IReadOnlyList<SpaceInfo>>(
            [new SpaceInfo { Space = space.Value, Role = "owner", Epoch = snapshot.State!.Epoch, Head = snapshot.State.Head.Position, Default = true }]), cancellationToken).ConfigureAwait(false);
    }

    public async Task<PushResponse> PushAsync(Caller caller, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        try
        {
            return await PushOnceAsync(caller, body, cancellationToken).ConfigureAwait(false);
        }
        catch (ModelMovedException)
        {
            return await PushOnceAsync(caller, body, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<PushResponse> PushOnceAsync(Caller caller, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var model = await _models.RequiredAsync(cancellationToken).ConfigureAwait(false);
        var (envelope, commands) = Read(() => PushRequest.Read(body, model, Options.Limits));
        var space = Spaces.Resolve(caller, envelope.Space);
        var isBulk = Options.Leases.Commands > 0 && commands.Count > Options.Leases.Commands;
        await _leases.CheckAsync(caller, isBulk, cancellationToken).ConfigureAwait(false);
        var response = await new PushService(_store, Options, _environment, c => _leases.CheckAsync(caller, isBulk, c)).PushAsync(caller, space, model, envelope, commands, cancellationToken).ConfigureAwait(false);

        // What has the commit's own position was written by it; what only repeats an earlier verdict moves nothing.
        var written = response.Successful.Where(v => v.Version == response.Mark.Position).Select(v => v.EntityType).ToArray();
        if (written.Length > 0)
        {
            _hints.Publish(space, response.Mark.Position, written, envelope.DeviceId);
            _relay?.Tell(new NodeHint(space, response.Mark.Position, [.. written.Distinct(StringComparer.Ordinal)], envelope.DeviceId));
        }

        return response;
    }

    /// <summary>Admits bulk work of a device.</summary>
    public Task<LeaseResponse> AskLeaseAsync(Caller caller, LeaseRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        return _leases.AskAsync(caller.User, request, cancellationToken);
    }

    /// <summary>The lease is held for its time from now on.</summary>
    public Task<LeaseResponse> RenewLeaseAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return _leases.RenewAsync(caller.User, id, cancellationToken);
    }

    /// <summary>The bulk work is done.</summary>
    public Task<LeaseReleased> ReleaseLeaseAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return _leases.ReleaseAsync(caller.User, id, cancellationToken);
    }

    /// <summary>Listens for commits in a space, until the listener is disposed. Its first message is the head.</summary>
    public async Task<HintListener> ListenAsync(Caller caller, string? space, string? deviceId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        if (deviceId is not null)
        {
            Identifiers.Check("deviceId", deviceId);
        }

        var id = Spaces.Resolve(caller, space);
        var listener = _hints.Listen(caller.User, id, deviceId);
        try
        {
            // Listening first: a commit between the two is told twice rather than not at all.
            var head = await ReadAsync(id, snapshot => Task.FromResult(snapshot.State!.Head.Position), cancellationToken).ConfigureAwait(false);
            listener.Add([LiveMessage.Head], head);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>The page's JSON, in memory of the caller's own.</summary>
    public async Task<ReadOnlyMemory<byte>> GetChangesAsync(Caller caller, ChangesRequest request, CancellationToken cancellationToken)
    {
        using var page = await WriteChangesAsync(caller, request, cancellationToken).ConfigureAwait(false);
        return page.Utf8.ToArray();
    }

    /// <summary>The page's JSON in pooled memory, for a host that sends it on at once; the caller disposes it.</summary>
    public async Task<ChangesPageBody> WriteChangesAsync(Caller caller, ChangesRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        if (request.DeviceId is { } device)
        {
            Identifiers.Check("deviceId", device);
        }

        await _leases.CheckAsync(caller, Options.Leases.Rows > 0 && (request.Limit ?? Options.PageRowsDefault) > Options.Leases.Rows, cancellationToken).ConfigureAwait(false);
        var model = await _models.RequiredAsync(cancellationToken).ConfigureAwait(false);
        var changes = await ChangesAsync(cancellationToken).ConfigureAwait(false);
        var space = Spaces.Resolve(caller, request.Space);
        return await ReadAsync(space, snapshot => changes.ReadAsync(snapshot, snapshot.Model ?? model, caller.User, request, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    public async Task<VerdictsResponse> GetVerdictsAsync(Caller caller, VerdictsRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        CheckCount(request.CommandIds.Count);
        return await ReadAsync(Spaces.Resolve(caller, request.Space), async snapshot =>
        {
            var found = new List<AcceptedVerdict>();
            foreach (var id in request.CommandIds)
            {
                if (await snapshot.FindVerdictAsync(caller.User, id, cancellationToken).ConfigureAwait(false) is { } verdict)
                {
                    found.Add(Verdicts.Of(verdict));
                }
            }

            return new VerdictsResponse { Successful = found };
        }, cancellationToken).ConfigureAwait(false);
    }

    public async Task<RowsResponse> GetRowsAsync(Caller caller, RowsRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        CheckCount(request.EntityIds.Count);
        var model = await _models.RequiredAsync(cancellationToken).ConfigureAwait(false);
        var type = model.Find(request.EntityType) ?? throw Problems.Of(ErrorCodes.BadRequest, $"There is no entity type {request.EntityType}.");
        return await ReadAsync(
            Spaces.Resolve(caller, request.Space),
            async snapshot => new RowsResponse { Mark = snapshot.State!.Head, Rows = await RowsService.ReadAsync(snapshot, type, request.EntityIds, cancellationToken).ConfigureAwait(false) },
            cancellationToken).ConfigureAwait(false);
    }

    public async Task<ChecksumsResponse> GetChecksumsAsync(Caller caller, ChecksumsRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        var model = await _models.RequiredAsync(cancellationToken).ConfigureAwait(false);
        return await ReadAsync(
            Spaces.Resolve(caller, request.Space),
            async snapshot => new ChecksumsResponse
            {
                Epoch = snapshot.State!.Epoch,
                Mark = snapshot.State.Head,
                Types = await RowsService.ChecksumsAsync(snapshot, model, request.EntityTypes, cancellationToken).ConfigureAwait(false),
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Forgets tombstones, verdicts and marks that are past the retention, one space after the other. For the host to call now and then.</summary>
    /// <returns>The number of spaces that had something to forget.</returns>
    public async Task<int> CompactAsync(CancellationToken cancellationToken)
    {
        var before = new Position(Math.Max(0, _environment.Now().Value - (Options.TombstoneRetention.Ticks / TimeSpan.TicksPerMicrosecond)));
        var compacted = 0;
        foreach (var space in await _store.GetSpacesAsync(cancellationToken).ConfigureAwait(false))
        {
            if (await IsCompactAsync(space, before, cancellationToken).ConfigureAwait(false))
            {
                continue;
            }

            var transaction = await _store.WriteAsync(space, Position.None, cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                await transaction.CompactAsync(before, cancellationToken).ConfigureAwait(false);
                await transaction.SealAsync(cancellationToken).ConfigureAwait(false);
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            }

            compacted++;
        }

        return compacted;
    }

    /// <summary>Carries hints to and from the other nodes of the store, until it is stopped. For the host to run beside the endpoints; done at once where there are no others.</summary>
    public Task RelayHintsAsync(CancellationToken cancellationToken) => _relay?.RunAsync(cancellationToken) ?? Task.CompletedTask;

    public void Dispose() => _keyLock.Dispose();

    private async Task<bool> IsCompactAsync(SpaceId space, Position before, CancellationToken cancellationToken)
    {
        var snapshot = await _store.ReadAsync(space, cancellationToken).ConfigureAwait(false);
        await using (snapshot.ConfigureAwait(false))
        {
            return snapshot.State is not { } state || Math.Min(before.Value, state.Head.Position) <= state.CompactedTo.Value;
        }
    }

    // A read that the store could not finish is begun anew, in another snapshot.
    private Task<T> ReadAsync<T>(SpaceId space, Func<IStoreSnapshot, Task<T>> read, CancellationToken cancellationToken) => StoreRetries.RunAsync(
        _environment,
        async () =>
        {
            var snapshot = await SnapshotAsync(space, cancellationToken).ConfigureAwait(false);
            await using (snapshot.ConfigureAwait(false))
            {
                return await read(snapshot).ConfigureAwait(false);
            }
        },
        cancellationToken);

    // A snapshot of a space that exists and in which everything that other programs wrote has its position.
    private async Task<IStoreSnapshot> SnapshotAsync(SpaceId space, CancellationToken cancellationToken)
    {
        var snapshot = await _store.ReadAsync(space, cancellationToken).ConfigureAwait(false);
        if (snapshot.State is not null && !snapshot.HasForeignWrites)
        {
            return snapshot;
        }

        await snapshot.DisposeAsync().ConfigureAwait(false);
        var transaction = await _store.WriteAsync(space, Position.None, cancellationToken).ConfigureAwait(false);
        await using (transaction.ConfigureAwait(false))
        {
            await ForeignWrites.TakeUpAsync(transaction, cancellationToken).ConfigureAwait(false);
            var mark = await transaction.SealAsync(cancellationToken).ConfigureAwait(false);
            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            _hints.Publish(space, mark.Position, [], deviceId: null);
        }

        return await _store.ReadAsync(space, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ChangesService> ChangesAsync(CancellationToken cancellationToken)
    {
        if (_changes is { } ready)
        {
            return ready;
        }

        await _keyLock.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var key = Options.CursorKey
                ?? await _store.KeepSecretAsync(CursorKeyName, _environment.RandomBytes(ServerOptions.CursorKeyBytesMin), cancellationToken).ConfigureAwait(false);
            return _changes ??= new ChangesService(Options, new CursorCodec(key));
        }
        finally
        {
            _keyLock.Release();
        }
    }

    private void CheckCount(int count)
    {
        if (count > Options.KeysMax)
        {
            throw Problems.Of(ErrorCodes.TooLarge, $"At most {Options.KeysMax} ids can be asked for at once, {count} came.");
        }
    }

    private static T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (WireFormatException e)
        {
            throw Problems.Of(e);
        }
    }
}
