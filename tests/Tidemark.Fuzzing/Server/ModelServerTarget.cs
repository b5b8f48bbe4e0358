using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Fuzzing.Wire;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Server;

namespace Tidemark.Fuzzing.Server;

/// <summary>A model registered at a server that has rows of another one: refused with a code, or grown so that everything can be read.</summary>
public sealed class ModelServerTarget : JsonTarget
{
    private readonly ModelJsonTarget _form = new();

    public override string Name => "model-server";

    public override IReadOnlyList<byte[]> Seeds => _form.Seeds;

    public override byte[] Vary(byte[] input, byte[] other, FuzzDice dice) => _form.Vary(input, other, dice);

    public override string Run(byte[] input)
    {
        try
        {
            _ = SyncModelJson.Parse(input);
        }
        catch (ModelException)
        {
            return "faults"; // The other target's.
        }

        using var server = new FuzzServer();
        server.Fill("ann");
        try
        {
            _ = FuzzServer.Done(server.Sync.PutModelAsync(FuzzServer.CallerOf("ann"), input, default));
        }
        catch (ServerException e)
        {
            Hold(ErrorCodes.Find(e.Problem.Code) is not null, "A refusal without a code of the catalogue.");
            return "refused " + e.Problem.Code + " " + Shapes.Text(e.Problem.Detail);
        }

        var info = FuzzServer.Done(server.Sync.GetModelAsync(FuzzServer.CallerOf("ann"), default));
        var page = ChangesPage.Read(FuzzServer.Done(server.Sync.GetChangesAsync(FuzzServer.CallerOf("ann"), new ChangesRequest(), default)), SyncModelJson.Parse(info.Model!.Value.Utf8.Span));
        Hold(page.Changes.Count == 6 || page.Changes.Count == 5, "Rows are gone with the new model.");
        Hold(page.Changes.All(c => c.Fault is null), "A change cannot be read with the new model: " + page.Changes.FirstOrDefault(c => c.Fault is not null)?.Fault?.Message);
        return "registered " + page.Changes.Count;
    }

    protected override void Dispose(bool disposing)
    {
        _form.Dispose();
        base.Dispose(disposing);
    }
}
