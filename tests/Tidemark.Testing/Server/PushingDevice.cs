using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;

namespace Tidemark.Testing.Server;

/// <summary>The least device that speaks the wire: pushes frozen commands, reads pages, keeps nothing.</summary>
public sealed class PushingDevice(SyncServer server, SyncModel model, string user, string store)
{
    private long _sequence;

    public Caller Caller { get; } = new(new UserId(user), IsAdministrator: true);

    public static Guid NewId() => Guid.CreateVersion7();

    public PushCommand Create(string type, object?[] values, long? baseVersion = null, string? group = null, Guid? id = null, params (string Field, Guid Command)[] refs)
    {
        var entity = model.Get(type);
        var row = new Row(entity, [.. values.Select(ValueOf)]);
        return new PushCommand
        {
            Id = id ?? NewId(),
            Type = entity,
            Operation = Operation.Create,
            EntityId = row.Key,
            BaseVersion = baseVersion,
            Payload = row,
            Group = group,
            Refs = refs.ToDictionary(r => r.Field, r => r.Command, StringComparer.Ordinal),
        };
    }

    public PushCommand Update(string type, EntityKey key, long? baseVersion, string field, object? value, string? group = null, Guid? after = null)
    {
        var entity = model.Get(type);
        var values = new Value[entity.Fields.Count];
        values[entity.OrdinalOf(field)] = ValueOf(value);
        return new PushCommand { Id = NewId(), Type = entity, Operation = Operation.Update, EntityId = key, BaseVersion = baseVersion, After = after, Payload = new Row(entity, values), Group = group };
    }

    public PushCommand Delete(string type, EntityKey key, long? baseVersion, string? group = null) =>
        new() { Id = NewId(), Type = model.Get(type), Operation = Operation.Delete, EntityId = key, BaseVersion = baseVersion, Group = group };

    public PushCommand Offer(string type, object?[] values, long lost) => Create(type, values, lost) with { Operation = Operation.Offer };

    public Task<PushResponse> PushAsync(params PushCommand[] commands) => PushAsync(new PushEnvelope { DeviceId = store, StoreId = store }, commands);

    public Task<PushResponse> PushAsync(PushEnvelope envelope, params PushCommand[] commands) =>
        SendAsync(envelope with { PushSeq = ++_sequence }, commands);

    /// <summary>As it is, the sequence too.</summary>
    public Task<PushResponse> SendAsync(PushEnvelope envelope, params PushCommand[] commands) =>
        server.PushAsync(Caller, PushRequest.Write(envelope, [.. commands.Select(c => c.ToUtf8())]), CancellationToken.None);

    public async Task<ChangesPage> PageAsync(ChangesRequest? request = null) =>
        ChangesPage.Read(await server.GetChangesAsync(Caller, request ?? new ChangesRequest(), CancellationToken.None).ConfigureAwait(false), model);

    public static Value ValueOf(object? value) => value switch
    {
        null => Value.Null,
        int number => Value.Integer(number),
        long number => Value.Integer(number),
        string text => Value.Text(text),
        _ => throw new ArgumentException("Not a value of these tests.", nameof(value)),
    };
}
