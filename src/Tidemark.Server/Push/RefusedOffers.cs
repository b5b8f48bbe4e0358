using Tidemark.Model.Protocol;

namespace Tidemark.Server.Push;

/// <summary>
/// Offers of one push that are refused one by one for each other's sake: rows that refer to each other, or have taken each other's unique values. They are tried
/// together; who offers them does not know that they belong together.
/// </summary>
internal sealed class RefusedOffers(PushSession session)
{
    /// <summary>Each that is at fault by itself costs one.</summary>
    private const int TriesMax = 16;

    private readonly List<ReceivedCommand> _offers = [];

    public void Note(IReadOnlyList<ReceivedCommand> group)
    {
        if (group is [{ Command.Operation: Operation.Offer } offer] && session.Failed is [.., var last] && last.CommandId == offer.Id && last.Code is ErrorCodes.Unique or ErrorCodes.ParentMissing or ErrorCodes.FkRestrict)
        {
            _offers.Add(offer);
        }
    }

    /// <summary>Those that are accepted now.</summary>
    public async Task<IReadOnlyList<ReceivedCommand>> TryTogetherAsync(CancellationToken cancellationToken)
    {
        var executor = new GroupExecutor(session);
        for (var tries = 0; tries < TriesMax && _offers.Count > 1; tries++)
        {
            if (await executor.TryAsync(_offers, cancellationToken).ConfigureAwait(false) is not { } culprit)
            {
                session.Failed.RemoveAll(f => _offers.Exists(o => o.Id == f.CommandId));
                return _offers;
            }

            _offers.RemoveAll(o => o.Id == culprit);
        }

        return [];
    }
}
