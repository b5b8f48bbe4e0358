#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Encryption;
using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;

namespace Tidemark.Client.Coordination.Several;

/// <summary>What sending to one remote came to.</summary>
internal sealed record PushTally
{
    public int Written { get; set; }

    public int Conflicts { get; set; }

    public int Refused { get; set; }

    /// <summary>Rows that wait for a key: their plain values do not leave.</summary>
    public int Held { get; set; }

    public int Requests { get; set; }
}

/// <summary>
/// Gives one remote what it lacks: the difference of the joined rows to its shadow, on the condition that it still is as it showed itself. No command is kept: after a
/// lost answer the same difference is sent again, or the remote's next page shows that it has arrived.
/// </summary>
internal sealed class PushStep(EngineTransaction transaction, SyncEnvironment environment, SyncModel remoteModel, NamedRemote named, LockKeeper keeper, Backend backend, bool isWhole)
{
    private readonly HashSet<(string, string)> _later = [];

    private sealed record Sent(JoinedRow Row, EncodedRow Encoded, RemoteWrite Write);

    public PushTally Tally { get; } = new();

    /// <summary>Until nothing more can be sent. What the remote had otherwise is staged for the next merge.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (named.Remote.Capabilities.Writable)
        {
#if TIDEMARK_MUTANTS
            if (Mutants.Is(Mutant.ShadowJoined) && Tally.Requests >= 20)
            {
                return; // A shadow that is more than the remote shows can be behind for ever.
            }
#endif
            var (sequence, batch) = transaction.Run(EngineTransactionKind.None, Next); // Its number is on disk before it is sent: given twice, it would be taken for that of a copied file.
            if (batch.Count == 0)
            {
                return;
            }

            var meta = new MetaRepository(transaction.Session.Db);
            var push = new RemotePush(sequence, meta.Text(MetaRepository.StoreId)!, meta.Text(MetaRepository.DeviceId)!, [.. batch.Select(s => s.Write)]);
            Tally.Requests++;
            var outcomes = await SendAsync(push, cancellationToken).ConfigureAwait(false);
            var current = await LookUpAsync(batch, outcomes, cancellationToken).ConfigureAwait(false);
            transaction.Run(EngineTransactionKind.None, s => Note(s, batch, outcomes, current));
            await transaction.GiveWay().ConfigureAwait(false);
        }
    }

    // Where a write cannot be made to depend on a version, the rows are looked at first: what somebody else wrote there meanwhile is merged, not written over.
    private async Task<IReadOnlyList<RemoteOutcome>> SendAsync(RemotePush push, CancellationToken cancellationToken)
    {
        var capabilities = named.Remote.Capabilities;
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.ShadowJoined))
        {
            // Whatever is there now is written over.
            var now = await LookUpAsync([.. push.Writes.Select(w => new RemoteRowId(w.Type, w.Key))], cancellationToken).ConfigureAwait(false);
            push = push with { Writes = [.. push.Writes.Select(w => w with { Expected = now.GetValueOrDefault((w.Type, w.Key)) is { IsDeleted: false } row ? row.Version : null })] };
        }
#endif
        if (capabilities.ConditionalWrites || !capabilities.Lookup)
        {
            return await keeper.KeepAsync(named.Remote.PushAsync(push, cancellationToken)).ConfigureAwait(false);
        }

        var there = (await LookUpAsync([.. push.Writes.Select(w => new RemoteRowId(w.Type, w.Key))], cancellationToken).ConfigureAwait(false)).Where(r => !r.Value.IsDeleted).ToDictionary();
        var moved = push.Writes.Where(w => there.GetValueOrDefault((w.Type, w.Key))?.Version != w.Expected).ToHashSet();
        var writes = push.Writes.Where(w => !moved.Contains(w)).ToList();
        var sent = writes.Count == 0 ? [] : await keeper.KeepAsync(named.Remote.PushAsync(push with { Writes = writes }, cancellationToken)).ConfigureAwait(false);
        var outcomes = writes.Zip(sent).ToDictionary(w => w.First, w => w.Second);
        return [.. push.Writes.Select(w => outcomes.GetValueOrDefault(w) ?? new RemoteOutcome { Kind = RemoteOutcomeKind.Conflict, Current = there.GetValueOrDefault((w.Type, w.Key)) })];
    }

    private (long Sequence, List<Sent> Batch) Next(StoreSession session)
    {
        var book = new JoinBook(session);
        var ring = book.ReadKeys();
        var codec = new RemoteCodec(new FieldCipher(environment.Random), ring, environment.NowMs);
        var capabilities = named.Remote.Capabilities;
        var batch = new List<Sent>();
        var bytes = 0;
        var held = 0;
        foreach (var (typeName, wireKey) in book.Owed(backend.Id).Where(k => !_later.Contains(k)).OrderBy(k => PlaceOf(session, k.Type)).ThenBy(k => k.Key, StringComparer.Ordinal))
        {
            if (book.TypeOf(typeName) is not { } type || book.ReadJoined(type, StoreSession.KeyFrom(type, wireKey)) is not { } row)
            {
                continue;
            }

            if (IsToWait(session, book, row))
            {
                continue;
            }

            if (!codec.CanSeal(row))
            {
                held++;
                continue;
            }

            if (batch.Count >= capabilities.PushRowsMax || bytes >= capabilities.PushBytesMax)
            {
                break;
            }

            if (Written(book, codec, row) is { } sent)
            {
                batch.Add(sent);
                bytes += sent.Write.Fields.Length;
            }
        }

        Tally.Held = held;
        return (batch.Count == 0 ? 0 : new BackendRepository(session.Db).NextPushSeq(backend.Id), batch);
    }

    // What no remote has seen is not to be met by what one shows that has not been looked at.
    private bool IsToWait(StoreSession session, JoinBook book, JoinedRow row)
    {
        var judgement = new Judgement(session.Merges);
        return judgement.Concerns(row.Type) && judgement.Pending(row, book.ReadClock().Node, book.ReadShadows(row.Type, row.Key)).Count > 0
            && (!isWhole || new QuarantineRepository(session.Db).IsAsked(row.Type.Name, row.Key.ToString()));
    }

    private Sent? Written(JoinBook book, RemoteCodec codec, JoinedRow row)
    {
        var former = book.ReadShadow(backend.Id, row.Type, row.Key);
        var encoded = codec.Encode(row, remoteModel.Get(row.Type.Name), former, named.Remote.Capabilities);
        var isDeletion = row.IsDeleted && !named.Remote.Capabilities.Stamps;
        if (row.IsDeleted && former is null or { IsMissing: true })
        {
            // Nothing to delete: no row is made to say that it is. Should one come, it is known as deleted then.
            var missing = Shadow.Missing(row.Type.Fields.Count);
            book.WriteShadow(backend.Id, row.Type, row.Key, missing);
            book.Reckon(backend, row, missing, null);
            return null;
        }

        var expected = former is null or { IsMissing: true } ? null : former.Version;
#if TIDEMARK_MUTANTS
        expected = Mutants.Is(Mutant.UnreadableOverwritten) && new QuarantineRepository(transaction.Session.Db).Find(backend.Id, row.Type.Name, row.Key.ToString()) is { } unread ? unread.Pulled.Row.Version : expected;
#endif
        return new Sent(row, encoded, new RemoteWrite
        {
            Type = row.Type.Name,
            Key = row.Key.ToString(),
            Expected = expected,
            IsDeletion = isDeletion,
            Fields = encoded.Fields,
        });
    }

    private static int PlaceOf(StoreSession session, string type) =>
        type == RemoteModel.KeysType ? -1 : session.Model.Graph.SyncOrder.TakeWhile(t => t.Name != type).Count();

    // A conflict without the row: it is asked for, so that the merge has something to merge.
    private async Task<Dictionary<(string Type, string Key), RemoteRow>> LookUpAsync(List<Sent> batch, IReadOnlyList<RemoteOutcome> outcomes, CancellationToken cancellationToken)
    {
        var wanted = batch.Where((_, i) => outcomes[i] is { Kind: RemoteOutcomeKind.Conflict, Current: null }).Select(s => new RemoteRowId(s.Write.Type, s.Write.Key)).ToList();
        return wanted.Count == 0 || !named.Remote.Capabilities.Lookup ? [] : await LookUpAsync(wanted, cancellationToken).ConfigureAwait(false);
    }

    private async Task<Dictionary<(string Type, string Key), RemoteRow>> LookUpAsync(List<RemoteRowId> wanted, CancellationToken cancellationToken)
    {
        var rows = await keeper.KeepAsync(named.Remote.LookupAsync(wanted, cancellationToken)).ConfigureAwait(false);
        return rows.GroupBy(r => (r.Type, r.Key)).ToDictionary(g => g.Key, g => g.Last());
    }

    private void Note(StoreSession session, List<Sent> batch, IReadOnlyList<RemoteOutcome> outcomes, Dictionary<(string Type, string Key), RemoteRow> current)
    {
        var book = new JoinBook(session);
        var key = book.ReadKeys().Current?.Id;
        var conflicts = new List<RemoteRow>();
        for (var i = 0; i < batch.Count; i++)
        {
            var (row, encoded, write) = batch[i];
            switch (outcomes[i])
            {
                case { Kind: RemoteOutcomeKind.Written } ok:
                    Take(book, row, write.IsDeletion ? Shadow.Missing(row.Type.Fields.Count) : encoded.Shadow.At(ok.Version), key);
                    Tally.Written++;
                    break;
                case { Kind: RemoteOutcomeKind.Conflict } conflict:
                    Tally.Conflicts++;
                    if ((conflict.Current ?? current.GetValueOrDefault((write.Type, write.Key))) is { } shown)
                    {
                        conflicts.Add(shown);
                    }
                    else if (named.Remote.Capabilities.Lookup)
                    {
                        // Not there at all: nothing is known of it any more, the next round makes it.
                        book.DropShadow(backend.Id, row.Type, row.Key);
                    }
                    else
                    {
                        _later.Add((write.Type, write.Key)); // The next pull shows it.
                    }

                    break;
                case { Kind: RemoteOutcomeKind.Refused } refused:
                    Tally.Refused++;
                    book.Refuse(backend.Id, write.Type, write.Key, refused.Code ?? "", refused.Message ?? "", environment.NowMs);
                    break;
                default:
                    _later.Add((write.Type, write.Key));
                    break;
            }
        }

        if (conflicts.Count > 0)
        {
            new PulledRepository(session.Db).AddLookedUp(new BackendRepository(session.Db).Get(backend.Id), conflicts);
        }
    }

    // A row that was edited meanwhile has a greater stamp than what was sent: it stays owed.
    private void Take(JoinBook book, JoinedRow sent, Shadow shadow, Guid? currentKey)
    {
        book.WriteShadow(backend.Id, sent.Type, sent.Key, shadow);
        book.Reckon(backend, book.ReadJoined(sent.Type, sent.Key) ?? sent, shadow, currentKey);
    }
}
