using Tidemark.Health.Storage;
using Tidemark.Health.Sync;

namespace Tidemark.Health.Switching;

/// <summary>
/// Goes one of two ways, as the flag says now, and hands over between them: whichever goes on begins where the other had everything on the server, so that nothing is left out. What is sent
/// twice by it the server recognises. The queue, its history and the anchors of the way that rests are kept; what waits in the queue is sent when it is used again.
/// </summary>
public sealed class HealthSwitch(HealthStore store, HealthSync queued, IHealthPath former)
{
    private const string Key = "path";
    private const string New = "queued";
    private const string Old = "former";

    /// <summary>Sends what is new by the way that the flag says.</summary>
    /// <param name="isNew">See <see cref="HealthRollout.Includes"/>.</param>
    /// <param name="cancellationToken">Ends the run; a hand-over is whole or not at all.</param>
    public async Task<HealthSyncReport> RunAsync(bool isNew, CancellationToken cancellationToken)
    {
        var wanted = isNew ? New : Old;
        var now = await store.ReadAsync(() => store.States.Note(Key), cancellationToken).ConfigureAwait(false);
        if (now != wanted)
        {
            // A device that never chose comes from the old way.
            await (isNew ? ToQueueAsync(cancellationToken) : now is null ? ChooseAsync(Old, cancellationToken) : ToFormerAsync(cancellationToken)).ConfigureAwait(false);
        }

        return await (isNew ? queued.RunAsync(progress: null, cancellationToken) : former.RunAsync(cancellationToken)).ConfigureAwait(false);
    }

    // The anchors here are set and the choice is made in one commit: before it the old way goes on, after it the new one.
    private async Task ToQueueAsync(CancellationToken cancellationToken)
    {
        var anchors = new List<(string Type, Sources.HealthAnchor? Anchor)>();
        foreach (var type in await queued.Source.GetTypesAsync(cancellationToken).ConfigureAwait(false))
        {
            anchors.Add((type, await former.GetAnchorAsync(type, cancellationToken).ConfigureAwait(false)));
        }

        await store.WriteAsync(
            () =>
            {
                store.Queue.BackUp("before " + New);
                anchors.ForEach(a => store.Queue.Place(queued.Source.Name, a.Type, a.Anchor));
                store.States.Note(Key, New);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
    }

    // The old way's anchors are set first: should the choice not be kept after that, the new way goes on and sets them again.
    private async Task ToFormerAsync(CancellationToken cancellationToken)
    {
        foreach (var type in await queued.Source.GetTypesAsync(cancellationToken).ConfigureAwait(false))
        {
            var anchor = await store.ReadAsync(() => store.Queue.Acknowledged(queued.Source.Name, type), cancellationToken).ConfigureAwait(false);
            await former.SetAnchorAsync(type, anchor, cancellationToken).ConfigureAwait(false);
        }

        await ChooseAsync(Old, cancellationToken).ConfigureAwait(false);
    }

    private Task<bool> ChooseAsync(string way, CancellationToken cancellationToken) => store.WriteAsync(
        () =>
        {
            store.Queue.BackUp("before " + way);
            store.States.Note(Key, way);
            return true;
        },
        cancellationToken);
}
