using Tidemark.Client.Remotes;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;

namespace Tidemark.Torture.RunLocks;

/// <summary>
/// Pushes are made under the run lock only. While one is under way a lock of the operating system is held, which ends with its process; when another one has it, two runs
/// are at once.
/// </summary>
internal sealed class OneAtATime(IRemote remote, string evidence) : IRemote
{
    public Task<ModelInfo> GetModelAsync(CancellationToken cancellationToken) => remote.GetModelAsync(cancellationToken);

    public Task<ModelInfo> PutModelAsync(SyncModel model, CancellationToken cancellationToken) => remote.PutModelAsync(model, cancellationToken);

    public async Task<PushResponse> PushAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        FileStream held;
        try
        {
            held = new FileStream(evidence, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        }
        catch (IOException e)
        {
            Console.WriteLine("two at once: " + e.Message);
            throw;
        }

        await using (held)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(40)), cancellationToken); // So that kills meet it, too.
            return await remote.PushAsync(body, cancellationToken);
        }
    }

    public Task<byte[]> GetChangesAsync(ChangesRequest request, CancellationToken cancellationToken) => remote.GetChangesAsync(request, cancellationToken);

    public Task<ChecksumsResponse> GetChecksumsAsync(ChecksumsRequest request, CancellationToken cancellationToken) => remote.GetChecksumsAsync(request, cancellationToken);

    public Task<RowsResponse> GetRowsAsync(RowsRequest request, CancellationToken cancellationToken) => remote.GetRowsAsync(request, cancellationToken);
}
