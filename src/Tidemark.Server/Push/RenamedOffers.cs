using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>
/// A change of key that a restore has lost, where the key names the row, is offered as a deletion and a row. When both are in one push and the row has a unique value of
/// the one that is to go, or all of its content, it is that one: it changes its key again, and what is below it follows, whoever made it.
/// </summary>
internal static class RenamedOffers
{
    public static async Task NoteAsync(PushSession session, IReadOnlyList<ReceivedCommand> commands, CancellationToken cancellationToken)
    {
        foreach (var gone in commands.Where(c => c.Command is { Operation: Operation.Offer, Payload: null, Type.Identity: IdentityModel.ClientAssigned }).Select(c => c.Command!))
        {
            if (await session.Transaction.FindRowAsync(gone.Type, gone.EntityId, cancellationToken).ConfigureAwait(false) is not { } live || live.Version > gone.BaseVersion || live.Origin.Offered >= gone.LostVersion)
            {
                continue;
            }

            var renamed = commands.Where(c => c.Command is { Operation: Operation.Offer, Payload: not null } offer && offer.Type.Name == gone.Type.Name && offer.BaseVersion >= gone.BaseVersion && IsSame(live.Row, offer)).Select(c => c.Command!).ToList();
            if (renamed is [var one] && await session.Transaction.FindRowAsync(one.Type, one.EntityId, cancellationToken).ConfigureAwait(false) is null)
            {
                session.FormerKeys.TryAdd(one.Id, gone.EntityId);
            }
        }
    }

    private static bool IsSame(Row live, PushCommand offer) =>
        live.Type.UniqueKeys.Any(u => RowRules.ValuesOf(live, live.Type.OrdinalsOf(u.Fields)) is { } values && RowRules.ValuesOf(offer.Payload!, live.Type.OrdinalsOf(u.Fields)) is { } offered && values.AsSpan().SequenceEqual(offered))
        || Enumerable.Range(0, live.Type.Fields.Count).All(i => live.Type.IsKey(i) || live[i] == offer.Payload![i]);
}
