#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Changes;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Push;

/// <summary>One push: the envelope is checked, then groups are executed in the order of their first command, all in one transaction.</summary>
internal sealed class PushService(IServerStore store, ServerOptions options, ServerEnvironment environment, Func<CancellationToken, Task> admitted)
{
    // A device may not push the space's order further ahead than clocks differ.
    private static readonly TimeSpan AheadMax = TimeSpan.FromDays(1);

    /// <summary>The types of rows that the last push wrote; what only repeats an earlier verdict moves nothing.</summary>
    public IReadOnlyList<string> Written { get; private set; } = [];

    public async Task<PushResponse> PushAsync(Caller caller, SpaceId space, SyncModel model, PushEnvelope envelope, IReadOnlyList<ReceivedCommand> commands, CancellationToken cancellationToken)
    {
        CheckEnvelope(envelope, commands);

        // Nearly every push is accepted whole: done at once, without a savepoint. When a group must be undone, the transaction is, and the push is
        // done again with a savepoint for each group. One around all of it would have SQLite put aside every page before every statement.
        // What the store could not do, of which nothing stays, is done again.
        return await StoreRetries.RunAsync(
            environment,
            async () => await TryPushAsync(caller, space, model, envelope, commands, isUndoable: false, cancellationToken).ConfigureAwait(false)
                ?? await TryPushAsync(caller, space, model, envelope, commands, isUndoable: true, cancellationToken).ConfigureAwait(false)
                ?? throw new InvalidOperationException("A push that can be undone group by group was not carried out."),
            cancellationToken).ConfigureAwait(false);
    }

    // Null: a group must be undone; nothing was written.
    private async Task<PushResponse?> TryPushAsync(
        Caller caller, SpaceId space, SyncModel model, PushEnvelope envelope, IReadOnlyList<ReceivedCommand> commands, bool isUndoable, CancellationToken cancellationToken)
    {
        var begun = store.WriteAsync(space, BehindOffers(commands), Expectations.Of(model, caller.User, envelope, commands), cancellationToken);
        var operationId = CanonicalPayload.SyncOperationId(commands.Select(c => c.Id)); // While the store looks.
        var transaction = await begun.ConfigureAwait(false);
        await using (transaction.ConfigureAwait(false))
        {
            if (transaction.Model is { } newer && newer.Hash != model.Hash)
            {
                throw new ModelMovedException(); // Another node has taken a new one since the commands were read.
            }

            // Who is a member changes in transactions of the space too: from here to the commit it does not.
            var role = await Spaces.RoleAsync(transaction, caller, cancellationToken).ConfigureAwait(false);
            await ForeignWrites.TakeUpAsync(transaction, cancellationToken).ConfigureAwait(false);
            await Expectations.TellAsync(transaction, model, commands, cancellationToken).ConfigureAwait(false);
            await CheckKnownOrKeepSpaceAsync(transaction, envelope, cancellationToken).ConfigureAwait(false);
            var session = new PushSession(transaction, model, caller.User, envelope.DeviceId, options, environment) { Caller = caller, IsUndoable = isUndoable || transaction.UndoesForNothing, MayWrite = MayWrite(role) };
            try
            {
                if (await IsRepeatedAsync(transaction, caller.User, envelope, operationId, cancellationToken).ConfigureAwait(false))
                {
                    await ReadRecordedAsync(session, commands, cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    await ExecuteAsync(session, commands, envelope.Lost, cancellationToken).ConfigureAwait(false);
                    await transaction.PutStorePushAsync(caller.User, envelope.StoreId, new StorePush(envelope.PushSeq, operationId), cancellationToken).ConfigureAwait(false);
                }
            }
            catch (MustUndoException)
            {
                return null;
            }

            await admitted(cancellationToken).ConfigureAwait(false); // Its lease may have ended while the work was done: then nothing of it was.
            var mark = await transaction.SealAsync(cancellationToken).ConfigureAwait(false);
            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            Written = [.. session.Accepted.Where(v => v.Version == transaction.PendingVersion).Select(v => v.EntityType).Distinct(StringComparer.Ordinal)];
            return new PushResponse
            {
                SyncOperationId = operationId,
                Epoch = transaction.State!.Epoch,
                Mark = mark,
                Successful = Positioned.Of(session.Accepted, transaction.PendingVersion, mark.Position),
                Failed = Positioned.Of(session.Failed, transaction.PendingVersion, mark.Position),
                Conflicts = Positioned.Of(session.Conflicts, transaction.PendingVersion, mark.Position),
            };
        }
    }

    private static bool MayWrite(string role) =>
#if TIDEMARK_MUTANTS
        Mutants.Is(Mutant.ReaderWrites) ||
#endif
        SpaceRoles.MayWrite(role);

    // A restored server whose clock is behind would give lost versions a second time.
    private Position BehindOffers(IReadOnlyList<ReceivedCommand> commands)
    {
        var aheadMax = environment.Now().Value + (AheadMax.Ticks / TimeSpan.TicksPerMicrosecond);
        var lost = commands.Where(c => c.Command is { Operation: Operation.Offer }).Max(c => c.Command!.BaseVersion) ?? 0;
        return lost > 0 && lost < aheadMax ? new Position(lost + 1) : Position.None;
    }

    private static void CheckEnvelope(PushEnvelope envelope, IReadOnlyList<ReceivedCommand> commands)
    {
        if (envelope.Protocol != ProtocolVersion.Current)
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"protocol must be {ProtocolVersion.Current}, not {envelope.Protocol}.");
        }

        Identifiers.Check("deviceId", envelope.DeviceId);
        Identifiers.Check("storeId", envelope.StoreId);

        if (commands.Select(c => c.Id).Distinct().Count() != commands.Count)
        {
            throw Problems.Of(ErrorCodes.BadRequest, "A command id stands twice in the push.");
        }
    }

    // A space that was made for this request stays, so that the epoch the refusal names is the one the next request meets.
    private static async Task CheckKnownOrKeepSpaceAsync(IStoreTransaction transaction, PushEnvelope envelope, CancellationToken cancellationToken)
    {
        try
        {
            await CheckKnownAsync(transaction, envelope, cancellationToken).ConfigureAwait(false);
        }
        catch (ServerException)
        {
            await transaction.SealAsync(cancellationToken).ConfigureAwait(false);
            await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            throw;
        }
    }

    private static async Task CheckKnownAsync(IStoreTransaction transaction, PushEnvelope envelope, CancellationToken cancellationToken)
    {
        var state = transaction.State!;
        if (envelope.Epoch is { } epoch && epoch != state.Epoch)
        {
            throw Problems.Resync(ResyncReason.Restored, "The space is another incarnation than the device knows.", state.Epoch, 0);
        }

        if (envelope.Floor is not { } floor)
        {
            return;
        }

        switch (await DeviceHistory.FindAsync(transaction, state, floor, cancellationToken).ConfigureAwait(false))
        {
            case CommitState.Old:
                throw Problems.Resync(ResyncReason.Retention, "The device was away longer than deletions are remembered.", state.Epoch, null);
            case CommitState.Lost:
                throw Problems.Resync(ResyncReason.Restored, "The server does not know the last commit this device has seen: it was restored.", state.Epoch, 0);
        }
    }

    private static async Task<bool> IsRepeatedAsync(IStoreTransaction transaction, UserId user, PushEnvelope envelope, string operationId, CancellationToken cancellationToken)
    {
        if (await transaction.FindStorePushAsync(user, envelope.StoreId, cancellationToken).ConfigureAwait(false) is not { } last || envelope.PushSeq > last.PushSeq)
        {
            return false;
        }

        return envelope.PushSeq == last.PushSeq && operationId == last.SyncOperationId
            ? true

#if TIDEMARK_MUTANTS
            : Mutants.Is(Mutant.ForkUnnoticed) ? false
#endif
            : throw Problems.Of(ErrorCodes.StoreForked, $"This store's last push was number {last.PushSeq}; another copy of its file has pushed.");
    }

    private static async Task ReadRecordedAsync(PushSession session, IReadOnlyList<ReceivedCommand> commands, CancellationToken cancellationToken)
    {
        foreach (var command in commands)
        {
            if (!await Recorded.AnswerAsync(session, command, cancellationToken).ConfigureAwait(false))
            {
                session.Failed.Add(Verdicts.Failed(command.Id, ErrorCodes.Unavailable, "This request was answered before; the command has no recorded verdict. Send it in a new request."));
            }
        }
    }

    // In the order of their first commands; a command without a group is one of its own.
    private static IEnumerable<IReadOnlyList<ReceivedCommand>> GroupsOf(IReadOnlyList<ReceivedCommand> commands)
    {
        var named = new Dictionary<string, List<ReceivedCommand>>(StringComparer.Ordinal);
        var groups = new List<IReadOnlyList<ReceivedCommand>>(commands.Count);
        foreach (var command in commands)
        {
            if (command.Command?.Group is not { } name)
            {
                groups.Add([command]);
            }
            else if (named.TryGetValue(name, out var group))
            {
                group.Add(command);
            }
            else
            {
                groups.Add(named[name] = [command]);
            }
        }

        return groups;
    }

    // Those that have no verdict yet.
    private static async ValueTask<IReadOnlyList<ReceivedCommand>> OpenAsync(PushSession session, IReadOnlyList<ReceivedCommand> group, LostIds? lost, CancellationToken cancellationToken)
    {
        if (lost is null && group.Count == 1)
        {
            return await Recorded.AnswerAsync(session, group[0], cancellationToken).ConfigureAwait(false) ? [] : group;
        }

        var open = new List<ReceivedCommand>(group.Count);
        foreach (var command in group)
        {
            if (!await Recorded.AnswerAsync(session, command, cancellationToken).ConfigureAwait(false))
            {
                open.Add(lost is null ? command : await lost.TranslateAsync(command, cancellationToken).ConfigureAwait(false));
            }
        }

        return open;
    }

    private static async Task ExecuteAsync(PushSession session, IReadOnlyList<ReceivedCommand> commands, Dictionary<string, Dictionary<string, Dictionary<string, Guid>>>? lostIds, CancellationToken cancellationToken)
    {
        var lost = lostIds is null ? null : new LostIds(session, lostIds);
        var offers = new RefusedOffers(session);
        await RenamedOffers.NoteAsync(session, commands, cancellationToken).ConfigureAwait(false);
        var executor = new GroupExecutor(session);
        session.Expect(commands.Count);
        foreach (var group in GroupsOf(commands))
        {
            var open = await OpenAsync(session, group, lost, cancellationToken).ConfigureAwait(false);
            if (open.Count > 0)
            {
                await executor.RunAsync(open, cancellationToken).ConfigureAwait(false);
                offers.Note(open);
                if (lost is not null)
                {
                    await lost.KeepAsync(open, cancellationToken).ConfigureAwait(false);
                }
            }
        }

        var together = await offers.TryTogetherAsync(cancellationToken).ConfigureAwait(false);
        if (lost is not null)
        {
            await lost.KeepAsync(together, cancellationToken).ConfigureAwait(false);
        }
    }
}

/// <summary>Accepted verdicts of earlier requests.</summary>
internal static class Recorded
{
    /// <summary>True when the command has its verdict by what is recorded: the same again, or refused for other bytes.</summary>
    public static async Task<bool> AnswerAsync(PushSession session, ReceivedCommand command, CancellationToken cancellationToken)
    {
        if (await session.Transaction.FindVerdictAsync(session.User, command.Id, cancellationToken).ConfigureAwait(false) is not { } recorded)
        {
            return false;
        }

        if (!recorded.Hash.AsSpan().SequenceEqual(command.Hash))
        {
            if (command.Command is { Operation: Operation.Offer } offer && offer.Type.Name == recorded.EntityType)
            {
                return false; // Another device offers the same version of the row; what it refers to may have another id there. The row itself tells what is to be done.
            }

            session.Failed.Add(Verdicts.Failed(command.Id, ErrorCodes.IdempotencyMismatch, "This command id was accepted before with other bytes."));
            return true;
        }

        session.Accepted.Add(Verdicts.Of(recorded));
        if (session.Model.Find(recorded.EntityType) is { } type)
        {
            var reader = new System.Text.Json.Utf8JsonReader(recorded.ServerId);
            reader.Read();
            session.KeysOf[command.Id] = (type, WireRow.ReadKey(type, ref reader));
            session.VersionsOf[command.Id] = recorded.Version;
        }

        return true;
    }
}
