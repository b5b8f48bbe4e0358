using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Access;
using Tidemark.Server.Changes;
using Tidemark.Server.Hooks;
using Tidemark.Server.Leases;
using Tidemark.Server.Live;
using Tidemark.Server.Models;
using Tidemark.Server.Observing;
using Tidemark.Server.Push;
using Tidemark.Server.Sharing;
using Tidemark.Server.Snapshots;
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
    private readonly SharingService _sharing;
    private readonly AccessService? _access;
    private readonly SnapshotService? _snapshots;
    private ChangesService? _changes;

    /// <param name="store">Where rows live.</param>
    /// <param name="environment">Time, ids and randomness.</param>
    /// <param name="options">Bounds and times.</param>
    /// <param name="access">Who may. Null: whoever the host lets in.</param>
    /// <param name="snapshots">Writes files for first fetches, into <see cref="ServerOptions.SnapshotFolder"/>. Null: none are offered.</param>
    public SyncServer(IServerStore store, ServerEnvironment environment, ServerOptions options, AccessService? access = null, ISnapshotWriter? snapshots = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _store = store ?? throw new ArgumentNullException(nameof(store));
        _environment = environment ?? throw new ArgumentNullException(nameof(environment));
        Options = options;
        _models = new ModelService(store, options);
        _leases = new LeaseService(store, options.Leases, environment);
        _hints = new HintHub(options.ListenersPerUserMax);
        _relay = store.Nodes is { } nodes ? new NodeRelay(nodes, _hints, environment, MembersMovedAsync, access) : null;
        _snapshots = snapshots is not null && options.SnapshotFolder is { } folder ? new SnapshotService(new SnapshotFolder(folder), snapshots, options, cause => SnapshotFailed?.Invoke(cause)) : null;
        _sharing = new SharingService(store, options.Sharing, environment, TellMembersAsync);
        _access = access;
        if (access is not null && _relay is not null)
        {
            access.Changed += user => _relay.Tell(new NodeHint(Spaces.DefaultOf(user), 0, [NodeRelay.AccessMoved], null));
        }
    }

    /// <summary>Raised when a file for first fetches cannot be written, with the cause; pages are fetched in its place.</summary>
    public event Action<string>? SnapshotFailed;

    public ServerOptions Options { get; }

    public async Task<ModelInfo> GetModelAsync(Caller caller, CancellationToken cancellationToken)
    {
        await AdmitAsync(caller, deviceId: null, 0, cancellationToken).ConfigureAwait(false);
        return await _models.GetAsync(caller, cancellationToken).ConfigureAwait(false);
    }

    public async Task<ModelInfo> PutModelAsync(Caller caller, ReadOnlyMemory<byte> modelUtf8, CancellationToken cancellationToken)
    {
        await AdmitAsync(caller, deviceId: null, 0, cancellationToken).ConfigureAwait(false);
        // Kept from the first model on, so that every backup has the key its cursors were signed with.
        _ = await ChangesAsync(cancellationToken).ConfigureAwait(false);
        return await StoreRetries.RunAsync(_environment, () => _models.PutAsync(caller, modelUtf8, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The caller's own space, and those he is a member of; with those he was a member of, when asked.</summary>
    public async Task<IReadOnlyList<SpaceInfo>> GetSpacesAsync(Caller caller, bool withLeft, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        await AdmitAsync(caller, deviceId: null, 0, cancellationToken).ConfigureAwait(false);
        return await _sharing.ListAsync(caller, withLeft, space => ReadAsync(caller, space, snapshot => Task.FromResult(snapshot.State!), cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes a shared space; the caller is its owner.</summary>
    public Task<SpaceInfo> MakeSpaceAsync(Caller caller, SpaceRequest request, CancellationToken cancellationToken) => AdmittedAsync(caller, () => _sharing.MakeAsync(caller, request, cancellationToken), cancellationToken);

    /// <summary>Who is a member; for members.</summary>
    public Task<SpaceMembers> GetMembersAsync(Caller caller, string space, CancellationToken cancellationToken) => AdmittedAsync(caller, () => _sharing.MembersAsync(caller, new SpaceId(space), cancellationToken), cancellationToken);

    /// <summary>Gives a member another role; for owners.</summary>
    public Task<SpaceMembers> ChangeMemberAsync(Caller caller, MemberChange change, CancellationToken cancellationToken) => AdmittedAsync(caller, () => _sharing.ChangeRoleAsync(caller, change, cancellationToken), cancellationToken);

    /// <summary>Takes a member out, at once for every request that begins from now on; for owners, and for oneself.</summary>
    public Task<SpaceRemoved> RemoveMemberAsync(Caller caller, string space, string user, CancellationToken cancellationToken) => AdmittedAsync(caller, () => _sharing.RemoveAsync(caller, space, user, cancellationToken), cancellationToken);

    /// <summary>The caller is a member no longer.</summary>
    public Task<SpaceRemoved> LeaveSpaceAsync(Caller caller, LeaveRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        return AdmittedAsync(caller, () => _sharing.RemoveAsync(caller, request.Space, caller.User.Value, cancellationToken), cancellationToken);
    }

    /// <summary>The invitations that wait; for owners.</summary>
    public Task<SpaceInvitations> GetInvitationsAsync(Caller caller, string space, CancellationToken cancellationToken) => AdmittedAsync(caller, () => _sharing.InvitationsAsync(caller, new SpaceId(space), cancellationToken), cancellationToken);

    /// <summary>Makes an invitation; its token is told here alone.</summary>
    public Task<SpaceInvitation> InviteAsync(Caller caller, InvitationRequest request, CancellationToken cancellationToken) => AdmittedAsync(caller, () => _sharing.InviteAsync(caller, request, cancellationToken), cancellationToken);

    /// <summary>Takes an invitation back.</summary>
    public Task<SpaceRemoved> UninviteAsync(Caller caller, string space, string id, CancellationToken cancellationToken) => AdmittedAsync(caller, () => _sharing.UninviteAsync(caller, space, id, cancellationToken), cancellationToken);

    /// <summary>Accepts an invitation.</summary>
    public Task<SpaceInfo> JoinSpaceAsync(Caller caller, JoinRequest request, CancellationToken cancellationToken) => AdmittedAsync(caller, () => _sharing.JoinAsync(caller, request, cancellationToken), cancellationToken);

    public Task<PushResponse> PushAsync(Caller caller, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        ServerSources.PushAsync(_environment.Time, () => PushAgainAsync(caller, body, cancellationToken));

    private async Task<PushResponse> PushAgainAsync(Caller caller, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
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
        var asked = _access?.AskAsync(caller, cancellationToken);
        var (envelope, commands, space) = await ReadPushAsync(caller, body, model, asked ?? Task.CompletedTask).ConfigureAwait(false);
        await AdmitAsync(caller, envelope.DeviceId, commands.Count, asked, cancellationToken).ConfigureAwait(false);
        if (Spaces.IsShared(space))
        {
            // Nothing is made or waited for on behalf of somebody who is no member; what he may do, the transaction asks once more.
            await ReadAsync(caller, space, _ => Task.FromResult(true), cancellationToken).ConfigureAwait(false);
        }

        var isBulk = Options.Leases.Commands > 0 && commands.Count > Options.Leases.Commands;
        await _leases.CheckAsync(caller, isBulk, cancellationToken).ConfigureAwait(false);
        var push = new PushService(_store, Options, _environment, c => _leases.CheckAsync(caller, isBulk, c));
        var response = await push.PushAsync(caller, space, model, envelope, commands, cancellationToken).ConfigureAwait(false);
        if (push.Written.Count > 0)
        {
            _hints.Publish(space, response.Mark.Position, push.Written, envelope.DeviceId);
            _relay?.Tell(new NodeHint(space, response.Mark.Position, push.Written, envelope.DeviceId));
            await Options.Hooks.CommittedAsync(new CommittedPush(caller, space, envelope.DeviceId, response.Mark.Position, response.Successful), cancellationToken).ConfigureAwait(false);
        }

        return Shown.Of(response, model, commands, Shown.To(Options.Hooks, caller, space));
    }

    private async ValueTask<(PushEnvelope Envelope, IReadOnlyList<ReceivedCommand> Commands, SpaceId Space)> ReadPushAsync(Caller caller, ReadOnlyMemory<byte> body, SyncModel model, Task asked)
    {
        try
        {
            var (envelope, commands) = Read(() => PushRequest.Read(body, model, Options.Limits));
            return (envelope, commands, Spaces.Resolve(caller, envelope.Space));
        }
        catch (ServerException)
        {
            await asked.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Nothing stays under way behind a refusal.
            throw;
        }
    }

    /// <summary>Admits bulk work of a device.</summary>
    public async Task<LeaseResponse> AskLeaseAsync(Caller caller, LeaseRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        await AdmitAsync(caller, request.DeviceId, 0, cancellationToken).ConfigureAwait(false);
        return await _leases.AskAsync(caller.User, request, cancellationToken).ConfigureAwait(false);
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

    /// <summary>Bulk work of health data is under way: a lease that is named must be held, and a batch of many samples must name one.</summary>
    /// <exception cref="ServerException">LEASE_LOST, or LEASE_DENIED: ask for one first.</exception>
    public Task CheckLeaseOfSamplesAsync(Caller caller, int items, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return _leases.CheckAsync(caller, Options.Leases.Samples > 0 && items > Options.Leases.Samples, cancellationToken);
    }

    /// <summary>Listens for commits in a space, or in all of the caller's, until the listener is disposed. Its first messages are the heads.</summary>
    public async Task<HintListener> ListenAsync(Caller caller, string? space, string? deviceId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        if (deviceId is not null)
        {
            Identifiers.Check("deviceId", deviceId);
        }

        await AdmitAsync(caller, deviceId, 0, cancellationToken).ConfigureAwait(false);
        var isAll = space == LiveMessage.AllSpaces;
        var spaces = isAll
            ? (await _sharing.SpacesOfAsync(caller, cancellationToken).ConfigureAwait(false))
            : [Spaces.Resolve(caller, space)];
        var listener = _hints.Listen(caller.User, spaces, deviceId, isAll);
        try
        {
            // Listening first: a commit between the two is told twice rather than not at all. So is a revocation.
            foreach (var id in spaces)
            {
                var head = await ReadAsync(caller, id, snapshot => Task.FromResult(snapshot.State!.Head.Position), cancellationToken).ConfigureAwait(false);
                listener.Add(id, [LiveMessage.Head], head);
            }

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
    public Task<ChangesPageBody> WriteChangesAsync(Caller caller, ChangesRequest request, CancellationToken cancellationToken) =>
        ServerSources.PageAsync(_environment.Time, () => ReadPageAsync(caller, request, cancellationToken));

    private async Task<ChangesPageBody> ReadPageAsync(Caller caller, ChangesRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        if (request.DeviceId is { } device)
        {
            Identifiers.Check("deviceId", device);
        }

        await AdmitAsync(caller, request.DeviceId, 0, cancellationToken).ConfigureAwait(false);
        await _leases.CheckAsync(caller, Options.Leases.Rows > 0 && (request.Limit ?? Options.PageRowsDefault) > Options.Leases.Rows, cancellationToken).ConfigureAwait(false);
        var model = await _models.RequiredAsync(cancellationToken).ConfigureAwait(false);
        var changes = await ChangesAsync(cancellationToken).ConfigureAwait(false);
        var space = Spaces.Resolve(caller, request.Space);
        return await ReadAsync(caller, space, snapshot => changes.ReadAsync(snapshot, snapshot.Model ?? model, caller.User, request, Shown.To(Options.Hooks, caller, space), cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    public async Task<VerdictsResponse> GetVerdictsAsync(Caller caller, VerdictsRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        await AdmitAsync(caller, deviceId: null, 0, cancellationToken).ConfigureAwait(false);
        CheckCount(request.CommandIds.Count);
        return await ReadAsync(caller, Spaces.Resolve(caller, request.Space), async snapshot =>
        {
            var found = new List<AcceptedVerdict>();
            foreach (var id in request.CommandIds)
            {
                if (await snapshot.FindVerdictAsync(caller.User, id, cancellationToken).ConfigureAwait(false) is { } verdict)
                {
                    found.Add(snapshot.Model is { } model ? Shown.Of(Verdicts.Of(verdict), model, Shown.To(Options.Hooks, caller, snapshot.Space)) : Verdicts.Of(verdict));
                }
            }

            return new VerdictsResponse { Successful = found };
        }, cancellationToken).ConfigureAwait(false);
    }

    public async Task<RowsResponse> GetRowsAsync(Caller caller, RowsRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        await AdmitAsync(caller, deviceId: null, 0, cancellationToken).ConfigureAwait(false);
        CheckCount(request.EntityIds.Count);
        var model = await _models.RequiredAsync(cancellationToken).ConfigureAwait(false);
        var type = model.Find(request.EntityType) ?? throw Problems.Of(ErrorCodes.BadRequest, $"There is no entity type {request.EntityType}.");
        return await ReadAsync(
            caller,
            Spaces.Resolve(caller, request.Space),
            async snapshot => new RowsResponse { Mark = snapshot.State!.Head, Rows = await RowsService.ReadAsync(snapshot, type, request.EntityIds, Shown.To(Options.Hooks, caller, snapshot.Space), cancellationToken).ConfigureAwait(false) },
            cancellationToken).ConfigureAwait(false);
    }

    public async Task<ChecksumsResponse> GetChecksumsAsync(Caller caller, ChecksumsRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        await AdmitAsync(caller, deviceId: null, 0, cancellationToken).ConfigureAwait(false);
        var model = await _models.RequiredAsync(cancellationToken).ConfigureAwait(false);
        return await ReadAsync(
            caller,
            Spaces.Resolve(caller, request.Space),
            async snapshot => new ChecksumsResponse
            {
                Epoch = snapshot.State!.Epoch,
                Mark = snapshot.State.Head,
                Types = await RowsService.ChecksumsAsync(snapshot, model, request, Options.KeysMax, Shown.To(Options.Hooks, caller, snapshot.Space), cancellationToken).ConfigureAwait(false),
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Forgets tombstones, verdicts and marks that are past the retention, one space after the other. For the host to call now and then.</summary>
    /// <returns>The number of spaces that had something to forget.</returns>
    public Task<int> CompactAsync(CancellationToken cancellationToken) => new RetentionService(_store, Options, _environment).CompactAsync(cancellationToken);

    /// <summary>What each space keeps until the retention is over. For administrators: it counts.</summary>
    public Task<RetentionInfo> GetRetentionAsync(CancellationToken cancellationToken) => new RetentionService(_store, Options, _environment).DescribeAsync(cancellationToken);

    /// <summary>Carries hints to and from the other nodes of the store, until it is stopped. For the host to run beside the endpoints; done at once where there are no others.</summary>
    public Task RelayHintsAsync(CancellationToken cancellationToken) => _relay?.RunAsync(cancellationToken) ?? Task.CompletedTask;

    public void Dispose()
    {
        _snapshots?.Dispose();
        _keyLock.Dispose();
    }

    private async Task<T> AdmittedAsync<T>(Caller caller, Func<Task<T>> work, CancellationToken cancellationToken)
    {
        await AdmitAsync(caller, deviceId: null, 0, cancellationToken).ConfigureAwait(false);
        return await work().ConfigureAwait(false);
    }

    private Task AdmitAsync(Caller caller, string? deviceId, int commands, CancellationToken cancellationToken) => AdmitAsync(caller, deviceId, commands, asked: null, cancellationToken);

    private async Task AdmitAsync(Caller caller, string? deviceId, int commands, Task<IReadOnlyList<AccessEntry>>? asked, CancellationToken cancellationToken)
    {
        if (_access is not null)
        {
            if (deviceId is not null)
            {
                Identifiers.Check("deviceId", deviceId);
            }

            await StoreRetries.RunAsync(
                _environment,
                async () =>
                {
                    var first = asked ?? _access.AskAsync(caller, cancellationToken);
                    asked = null; // Again is asked again.
                    await _access.AdmitAsync(caller, deviceId, commands, await first.ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
        }
    }

    // A read that the store could not finish is begun anew, in another snapshot.
    private Task<T> ReadAsync<T>(Caller caller, SpaceId space, Func<IStoreSnapshot, Task<T>> read, CancellationToken cancellationToken) => StoreRetries.RunAsync(
        _environment,
        async () =>
        {
            var snapshot = await SnapshotAsync(caller, space, cancellationToken).ConfigureAwait(false);
            await using (snapshot.ConfigureAwait(false))
            {
                return await read(snapshot).ConfigureAwait(false);
            }
        },
        cancellationToken);

    // A snapshot of a space that exists and in which everything that other programs wrote has its position.
    private async Task<IStoreSnapshot> SnapshotAsync(Caller caller, SpaceId space, CancellationToken cancellationToken)
    {
        var snapshot = await PermittedAsync(caller, space, cancellationToken).ConfigureAwait(false);
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

        return await PermittedAsync(caller, space, cancellationToken).ConfigureAwait(false);
    }

    // Who may read is asked of the very state that is read.
    private async Task<IStoreSnapshot> PermittedAsync(Caller caller, SpaceId space, CancellationToken cancellationToken)
    {
        var snapshot = await _store.ReadAsync(space, cancellationToken).ConfigureAwait(false);
        try
        {
            await Spaces.RoleAsync(snapshot, caller, cancellationToken).ConfigureAwait(false);
            return snapshot;
        }
        catch
        {
            await snapshot.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task TellMembersAsync(SpaceId space, CancellationToken cancellationToken)
    {
        await MembersMovedAsync(space, cancellationToken).ConfigureAwait(false);
        _relay?.Tell(new NodeHint(space, 0, [LiveMessage.Members], null));
    }

    /// <summary>Is there a file with all rows of a space, and which one?</summary>
    public async Task<SnapshotManifest> GetSnapshotAsync(Caller caller, string? space, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return (await SnapshotFileAsync(caller, space, cancellationToken).ConfigureAwait(false)).Manifest;
    }

    /// <summary>The file itself; null when none is offered.</summary>
    public async Task<(SnapshotManifest Manifest, string? Path)> SnapshotFileAsync(Caller caller, string? space, CancellationToken cancellationToken)
    {
        await AdmitAsync(caller, deviceId: null, 0, cancellationToken).ConfigureAwait(false);
        var id = Spaces.Resolve(caller, space);
        var model = await _models.RequiredAsync(cancellationToken).ConfigureAwait(false);
        var changes = await ChangesAsync(cancellationToken).ConfigureAwait(false);
        if (_snapshots is null || !ReferenceEquals(Options.Hooks, SyncHooks.None)) // What a hook withholds is another thing for each reader.
        {
            await ReadAsync(caller, id, _ => Task.FromResult(true), cancellationToken).ConfigureAwait(false);
            return (new SnapshotManifest { Space = id.Value, Offered = false }, null);
        }

        return await ReadAsync(caller, id, snapshot => _snapshots.OfAsync(snapshot, snapshot.Model ?? model, caller.User, changes, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    // Live connections follow who is a member: who is no longer is not told of the space any more, who has become one is.
    private async Task MembersMovedAsync(SpaceId space, CancellationToken cancellationToken)
    {
        if (SpaceNames.IsCatalog(space.Value))
        {
            return; // Everybody may hear of it.
        }

        var snapshot = await _store.ReadAsync(space, cancellationToken).ConfigureAwait(false);
        await using (snapshot.ConfigureAwait(false))
        {
            var shared = await snapshot.ReadSharedAsync(cancellationToken).ConfigureAwait(false);
            _hints.Follow(space, [.. shared.Active.Select(m => m.User)], snapshot.State?.Head.Position ?? 0);
        }
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
