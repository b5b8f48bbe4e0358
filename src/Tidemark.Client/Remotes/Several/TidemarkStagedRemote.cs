using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Remotes.Several;

/// <summary>A Tidemark server as one of several remotes: rows are kept and never judged there.</summary>
public sealed class TidemarkStagedRemote(IRemote server, SyncEnvironment environment, string? space = null) : IStagedRemote, IDeadLetterReports
{
    private SyncModel? _model;
    private string? _deviceId;

    public RemoteCapabilities Capabilities { get; private set; } = new();

    public async Task<RemoteAccount> OpenAsync(SyncModel model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        var info = await server.GetModelAsync(cancellationToken).ConfigureAwait(false);
        Check(info, model, registers: true);
        if (!string.Equals(info.Hash, model.Hash, StringComparison.Ordinal) && (info.Hash is null || info.Version <= model.Version))
        {
            info = await server.PutModelAsync(model, cancellationToken).ConfigureAwait(false);
        }

        Check(info, model, registers: false);
        _model = model;
        Capabilities = new RemoteCapabilities
        {
            PageRowsMax = Math.Min(info.Limits.PageRowsMax, info.Limits.LeaseRows == 0 ? int.MaxValue : info.Limits.LeaseRows),
            PushRowsMax = Math.Min(500, Math.Min(info.Limits.CommandsMax, info.Limits.LeaseCommands == 0 ? int.MaxValue : info.Limits.LeaseCommands)),
            PushBytesMax = (int)Math.Min(4 * 1024 * 1024, info.Limits.RequestBytesMax / 2),
        };
        return new RemoteAccount(info.User);
    }

    public async Task<RemotePage> PullAsync(string? token, int limit, CancellationToken cancellationToken)
    {
        try
        {
            var request = new ChangesRequest { Space = space, Cursor = token, DeviceId = _deviceId, Limit = Math.Min(limit, Capabilities.PageRowsMax) };
            var body = await WithModelAsync(() => server.GetChangesAsync(request, cancellationToken), cancellationToken).ConfigureAwait(false);
            var page = ChangesPage.Read(body, Model);
            return new RemotePage([.. page.Changes.Select(RowOf)], page.Tail.NextCursor, page.Tail.HasMore, page.Tail.Epoch);
        }
        catch (ResyncRequiredException e)
        {
            throw new TokenExpiredException(e.Reason != ResyncReason.Retention, e.Message);
        }
        catch (SyncException e) when (e.WireCode == ErrorCodes.CursorInvalid)
        {
            throw new TokenExpiredException(true, e.Message);
        }
        catch (WireFormatException e)
        {
            throw new SyncException(SyncErrorCode.InvalidResponse, e.Message, retryable: true, e);
        }
    }

    public async Task<IReadOnlyList<RemoteRow>> LookupAsync(IReadOnlyList<RemoteRowId> rows, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var found = new List<RemoteRow>();
        foreach (var ofType in rows.GroupBy(r => r.Type, StringComparer.Ordinal))
        {
            var request = new RowsRequest { Space = space, EntityType = ofType.Key, EntityIds = [.. ofType.Select(r => new RawJson(Encoding.UTF8.GetBytes(r.Key)))] };
            var answer = await WithModelAsync(() => server.GetRowsAsync(request, cancellationToken), cancellationToken).ConfigureAwait(false);
            found.AddRange(answer.Rows.Select(change => new RemoteRow
            {
                Type = change.EntityType,
                Key = Encoding.UTF8.GetString(change.EntityId.Utf8.Span),
                Version = TextOf(change.Version),
                IsDeleted = change.Row is null,
                ModifiedMs = change.Version / 1000,
                Fields = change.Row?.Utf8 ?? default,
            }));
        }

        return found;
    }

    public async Task<IReadOnlyList<RemoteOutcome>> PushAsync(RemotePush push, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(push);
        _deviceId = push.DeviceId;
        var commands = push.Writes.Select(CommandOf).ToList();
        var envelope = new PushEnvelope
        {
            DeviceId = push.DeviceId,
            StoreId = push.StoreId,
            PushSeq = push.Sequence,
            ModelHash = Model.Hash,
            SyncOperationId = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', commands.Select(c => c.Id.ToString("D")))))),
            Space = space,
        };
        var body = PushRequest.Write(envelope, [.. commands.Select(c => c.ToUtf8())]);
        var answer = await WithModelAsync(() => server.PushAsync(body, cancellationToken), cancellationToken).ConfigureAwait(false);
        var accepted = answer.Successful.ToDictionary(v => v.CommandId);
        var conflicts = answer.Conflicts.ToDictionary(v => v.CommandId);
        var failed = answer.Failed.ToDictionary(v => v.CommandId);
        return [.. commands.Select((command, i) =>
            accepted.TryGetValue(command.Id, out var ok) ? new RemoteOutcome { Kind = RemoteOutcomeKind.Written, Version = TextOf(ok.Version) }
            : conflicts.TryGetValue(command.Id, out var conflict) ? ConflictOf(push.Writes[i], conflict)
            : failed.TryGetValue(command.Id, out var verdict) ? FailureOf(verdict)
            : new RemoteOutcome { Kind = RemoteOutcomeKind.Later, Message = "The server's answer has no verdict." })];
    }

    /// <summary>Nothing, where the server takes none.</summary>
    public Task ReportDeadLettersAsync(string deviceId, DeadLetterReport report, CancellationToken cancellationToken) =>
        server is IDeadLetterReports reports ? reports.ReportDeadLettersAsync(deviceId, report, cancellationToken) : Task.CompletedTask;

    /// <summary>The server's hints, for the space that is synced; null: it has none.</summary>
    internal ILiveHints? CreateHints(Func<string?, LiveHintOptions> options) => (server as IHintingRemote)?.CreateHints(options(space));

    private SyncModel Model => _model ?? throw new InvalidOperationException("The remote was not opened.");

    private static void Check(ModelInfo info, SyncModel model, bool registers)
    {
        if (info.Model is not { } text)
        {
            return;
        }

        try
        {
            RemoteModel.CheckEncryption(SyncModelJson.Parse(text.Utf8.Span), model, registers);
        }
        catch (ModelException e)
        {
            throw new SyncException(SyncErrorCode.InvalidResponse, "The server's model cannot be read: " + e.Message, retryable: true, e);
        }
    }

    // A server that was restored to before it had the model has none.
    private async Task<T> WithModelAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (SyncException e) when (e.Code == SyncErrorCode.ModelMismatch)
        {
            await server.PutModelAsync(Model, cancellationToken).ConfigureAwait(false);
            return await ask().ConfigureAwait(false);
        }
    }

    private static string TextOf(long version) => version.ToString(CultureInfo.InvariantCulture);

    private static RemoteRow RowOf(Change change)
    {
        using var document = JsonDocument.Parse(change.Raw, new JsonDocumentOptions { MaxDepth = WireLimits.JsonDepthBound });
        var root = document.RootElement;
        var isThere = root.TryGetProperty("row", out var row) && row.ValueKind == JsonValueKind.Object;
        return new RemoteRow
        {
            Type = change.TypeName,
            Key = root.TryGetProperty("entityId", out var key) ? change.Type is null || change.Fault is not null ? key.GetRawText() : change.Key.ToString() : "null",
            Version = TextOf(change.Version),
            IsDeleted = !isThere,
            ModifiedMs = change.Version / 1000,
            Fields = isThere ? Encoding.UTF8.GetBytes(row.GetRawText()) : default,
        };
    }

    private PushCommand CommandOf(RemoteWrite write)
    {
        var type = Model.Get(write.Type);
        var keyReader = new Utf8JsonReader(Encoding.UTF8.GetBytes(write.Key));
        keyReader.Read();
        var key = WireRow.ReadKey(type, ref keyReader);
        Row? payload = null;
        if (!write.IsDeletion)
        {
            var reader = new Utf8JsonReader(write.Fields.Span);
            reader.Read();
            payload = WireRow.Read(type, ref reader, ignoreUnknown: true);
            for (var i = 0; write.Expected is null && i < key.Count; i++)
            {
                payload = payload.With(type.KeyOrdinals[i], key[i]);
            }
        }

        return new PushCommand
        {
            Id = environment.NewId(),
            Type = type,
            Operation = write.IsDeletion ? Operation.Delete : write.Expected is null ? Operation.Create : Operation.Update,
            EntityId = key,
            BaseVersion = write.Expected is { } expected ? long.Parse(expected, CultureInfo.InvariantCulture) : null,
            Payload = payload,
            OccurredAt = environment.Now,
        };
    }

    private static RemoteOutcome ConflictOf(RemoteWrite write, ConflictVerdict conflict) => new()
    {
        Kind = RemoteOutcomeKind.Conflict,
        Message = conflict.Reason,
        Current = new RemoteRow
        {
            Type = write.Type,
            Key = write.Key,
            Version = TextOf(conflict.ServerVersion),
            IsDeleted = conflict.ServerDeleted || conflict.ServerRow is null,
            ModifiedMs = conflict.ServerVersion / 1000,
            Fields = conflict.ServerRow?.Utf8 ?? default,
        },
    };

    // An UPDATE of a row that the server has lost, with its tombstone: what was known of it there is void.
    private static RemoteOutcome FailureOf(FailedVerdict verdict) => verdict.Code == ErrorCodes.RowGone
        ? new RemoteOutcome { Kind = RemoteOutcomeKind.Conflict, Code = verdict.Code, Message = verdict.Message }
        : new RemoteOutcome { Kind = verdict.Retryable ? RemoteOutcomeKind.Later : RemoteOutcomeKind.Refused, Code = verdict.Code, Message = verdict.Message };
}
