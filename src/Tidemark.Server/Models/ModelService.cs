using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Models;

/// <summary>The registered model: told to everyone, changed by administrators (by anyone on a development server), never so that data is lost.</summary>
internal sealed class ModelService(IServerStore store, ServerOptions options)
{
    public async Task<ModelInfo> GetAsync(Caller caller, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return Describe(caller, await store.GetModelAsync(cancellationToken).ConfigureAwait(false));
    }

    public async Task<SyncModel> RequiredAsync(CancellationToken cancellationToken) =>
        await store.GetModelAsync(cancellationToken).ConfigureAwait(false)
            ?? throw Problems.Of(ErrorCodes.ModelMismatch, "The server has no model yet. Register one with PUT /sync/model.");

    public async Task<ModelInfo> PutAsync(Caller caller, ReadOnlyMemory<byte> utf8, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        if (!caller.IsAdministrator && !options.Dev)
        {
            throw Problems.Of(ErrorCodes.Forbidden, "Only administrators may change the model; a server started with --dev lets anyone.");
        }

        var model = Parse(utf8);
        if (model.Entities.SelectMany(e => e.Fields).FirstOrDefault(f => f.Encrypted && f.Type != FieldType.Text) is { } encrypted)
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"{encrypted.Name} is encrypted on devices; they register it as text that is encrypted, because no server can read it. `tidemark remotes` takes a file the way that does.");
        }

        if (model.Entities.FirstOrDefault(e => e.Fields.Count > options.Limits.FieldsMax) is { } wide)
        {
            throw Problems.Of(ErrorCodes.RowTooWide, $"{wide.Name} has {wide.Fields.Count} fields; this server takes at most {options.Limits.FieldsMax} (fieldsMax). Split the entity type, or leave its table out of adoption.");
        }

        var former = await store.GetModelAsync(cancellationToken).ConfigureAwait(false);
        if (former?.Hash == model.Hash)
        {
            return Describe(caller, former);
        }

        var faults = former is null ? [] : await ModelGrowth.FaultsAsync(store, former, model, cancellationToken).ConfigureAwait(false);
        if (faults.Count > 0)
        {
            throw Problems.Of(ErrorCodes.ModelMismatch, "The new model would lose data: " + string.Join(" ", faults));
        }

        var merged = former is null ? model : ModelGrowth.Merge(former, model);
        await store.PutModelAsync(merged, cancellationToken).ConfigureAwait(false);
        return Describe(caller, merged);
    }

    private static SyncModel Parse(ReadOnlyMemory<byte> utf8)
    {
        try
        {
            return SyncModelJson.Parse(utf8.Span);
        }
        catch (ModelException e)
        {
            throw Problems.Of(ErrorCodes.BadRequest, e.Message, e);
        }
    }

    private ModelInfo Describe(Caller caller, SyncModel? model) => new()
    {
        Hash = model?.Hash,
        Version = model?.Version ?? 0,
        Limits = options.Limits with { LeaseCommands = options.Leases.Commands, LeaseRows = options.Leases.Rows, LeaseSamples = options.Leases.Samples },
        User = caller.User.Value,
        Dev = options.Dev,
        Model = model is null ? null : new RawJson(SyncModelJson.ToUtf8(model)),
    };
}
