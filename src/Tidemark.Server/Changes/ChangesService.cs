#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Changes;

/// <summary>Pages of changes: each read in one snapshot whose head was read first, never passing it; a pull ends at the head its first page saw.</summary>
internal sealed class ChangesService(ServerOptions options, CursorCodec cursors)
{
    private const long CountedMax = 1_000_000;

    public async Task<ChangesPageBody> ReadAsync(IStoreSnapshot snapshot, SyncModel model, UserId user, ChangesRequest request, Func<Row, Row?>? show, CancellationToken cancellationToken)
    {
        var state = snapshot.State ?? throw Problems.Of(ErrorCodes.Unavailable, "The space is being made.");
        var limit = LimitOf(request);
        var wanted = TypesOf(model, request);
        var given = Given(request, user, snapshot.Space);
        foreach (var cursor in given)
        {
            await CheckKnownAsync(snapshot, state, cursor, request, cancellationToken).ConfigureAwait(false);
        }

        await CheckMarksAsync(snapshot, state, request, given.Count > 0, cancellationToken).ConfigureAwait(false);
        if (given.Exists(c => c.Since < state.CompactedTo.Value))
        {
            throw Problems.Resync(ResyncReason.Retention, "The cursor is older than deletions are remembered.", state.Epoch, null);
        }

        var places = Places(model, given);
        var until = given.Select(c => c.Until).DefaultIfEmpty(0).Max() is var fixedEnd && fixedEnd > 0 ? Math.Min(fixedEnd, state.Head.Position) : state.Head.Position;
        var since = given.Count == 0 ? until : given.Min(c => c.Since);
        var starts = wanted.Select(t => (t, places[t.Name])).ToList();
        using var page = new PageSink(limit, options.PageBytesMax, show);
        await snapshot.ReadChangesAsync(new ChangesRange(starts, until, limit), page, cancellationToken).ConfigureAwait(false);
        Advance(places, wanted, page, until);
        var left = given.Select(c => c.Left).DefaultIfEmpty(0).Max() - page.Count;
        var rest = !page.HasMore ? 0 : left > 0 ? left
            : await snapshot.CountChangesAsync(new ChangesRange([.. wanted.Select(t => (t, places[t.Name]))], until), CountedMax, cancellationToken).ConfigureAwait(false);
        return page.Finish(Tail(model, user, snapshot.Space, state, places, until, since, page, rest));
    }

    /// <summary>Where pages go on behind everything up to a commit.</summary>
    public string CursorAt(SyncModel model, UserId user, SpaceId space, string epoch, Mark mark) => cursors.Write(new Cursor
    {
        User = user.Value,
        Space = space.Value,
        Epoch = epoch,
        Mark = mark,
        Since = mark.Position,
        Places = model.Entities.ToDictionary(t => t.Name, _ => new CursorPlace(mark.Position), StringComparer.Ordinal),
    });

    private int LimitOf(ChangesRequest request)
    {
        var limit = request.Limit ?? options.PageRowsDefault;
        return limit >= 1 && limit <= options.Limits.PageRowsMax
            ? limit
            : throw Problems.Of(ErrorCodes.BadRequest, $"limit must be 1 to {options.Limits.PageRowsMax}, not {limit}.");
    }

    private static List<EntityType> TypesOf(SyncModel model, ChangesRequest request)
    {
        var names = request.EntityTypes is { Count: > 0 } asked ? asked : [.. model.Entities.Select(e => e.Name)];
        return [.. names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(n => model.Find(n) ?? throw Problems.Of(ErrorCodes.BadRequest, $"There is no entity type {n}."))];
    }

    private List<Cursor> Given(ChangesRequest request, UserId user, SpaceId space)
    {
        var given = new List<Cursor>();
        if (!string.IsNullOrEmpty(request.Cursor))
        {
            given.Add(cursors.Read(request.Cursor, user, space));
        }

        foreach (var (type, text) in (request.Cursors ?? new Dictionary<string, string>(StringComparer.Ordinal)).OrderBy(c => c.Key, StringComparer.Ordinal))
        {
            var cursor = cursors.Read(text, user, space);
            given.Add(cursor with { Places = cursor.Places.Where(p => p.Key == type).ToDictionary(StringComparer.Ordinal) });
        }

        return given;
    }

    private static async Task CheckKnownAsync(IStoreSnapshot snapshot, SpaceState state, Cursor cursor, ChangesRequest request, CancellationToken cancellationToken)
    {
        if (cursor.Epoch != state.Epoch || await DeviceHistory.FindAsync(snapshot, state, cursor.Mark, cancellationToken).ConfigureAwait(false) == CommitState.Lost)
        {
            throw Problems.Resync(
                ResyncReason.Restored, "The server does not know the commit this cursor was made at: it was restored, or is another one.", state.Epoch,
                await CommonMarks.FindAsync(snapshot, state, cursor.Epoch, request.Marks, cancellationToken).ConfigureAwait(false));
        }
    }

    // A device may have pushed since its last pull, or never pulled; its marks tell all the same whether this is the server it pushed to,
    // before anything is said of the cursor's age: after the retention alone nothing is offered, and what it pushed would be lost.
    private static async Task CheckMarksAsync(IStoreSnapshot snapshot, SpaceState state, ChangesRequest request, bool hasCursor, CancellationToken cancellationToken)
    {
        if (request.Marks is not { Count: > 0 } marks || marks.MaxBy(m => m.Position) is not { } newest)
        {
            return;
        }

        switch (await DeviceHistory.FindAsync(snapshot, state, newest, cancellationToken).ConfigureAwait(false))
        {
            case CommitState.Old when !hasCursor: // Else the cursor has told whether that matters.
                throw Problems.Resync(ResyncReason.Retention, "The device was away longer than deletions are remembered.", state.Epoch, null);
            case CommitState.Lost:
                throw Problems.Resync(
                    ResyncReason.Restored, "The server does not know the last commit this device has seen: it was restored.", state.Epoch,
                    await CommonMarks.FindAsync(snapshot, state, state.Epoch, marks, cancellationToken).ConfigureAwait(false));
        }
    }

    private static Dictionary<string, ChangePlace> Places(SyncModel model, List<Cursor> given)
    {
        var places = model.Entities.ToDictionary(e => e.Name, _ => new ChangePlace(0, null), StringComparer.Ordinal);
        foreach (var (type, place) in given.SelectMany(c => c.Places))
        {
            if (model.Find(type) is { } known)
            {
                places[type] = place.ToChangePlace(known);
            }
        }

        return places;
    }

    // Everything before the last change has been given: types before its type have ended its position, types behind have not begun it.
    private static void Advance(Dictionary<string, ChangePlace> places, List<EntityType> wanted, PageSink page, long until)
    {
        foreach (var type in wanted)
        {
            var reached = page switch
            {
                { HasMore: false } => new ChangePlace(until, null),
                { Last: { } last } when string.CompareOrdinal(type.Name, last.Type.Name) < 0 => new ChangePlace(last.Version, null),
#if TIDEMARK_MUTANTS
                { Last: { } last } when type.Name == last.Type.Name && Mutants.Is(Mutant.PageTearsPosition) => new ChangePlace(last.Version, null),
#endif
                { Last: { } last } when type.Name == last.Type.Name => new ChangePlace(last.Version, last.Key),
                { Last: { } last } => new ChangePlace(last.Version - 1, null),
                _ => places[type.Name],
            };
            if (reached.Position > places[type.Name].Position || (reached.Position == places[type.Name].Position && (places[type.Name].Key is not null)))
            {
                places[type.Name] = reached;
            }
        }
    }

    private ChangesPageTail Tail(SyncModel model, UserId user, SpaceId space, SpaceState state, Dictionary<string, ChangePlace> places, long until, long since, PageSink page, long rest)
    {
        Cursor Make(IEnumerable<string> types) => new()
        {
            User = user.Value,
            Space = space.Value,
            Epoch = state.Epoch,
            Mark = state.Head,
            Until = page.HasMore ? until : 0,
            Left = rest,
            Since = page.HasMore ? since : until,
            Places = types.ToDictionary(t => t, t => CursorPlace.Of(model.Get(t), places[t]), StringComparer.Ordinal),
        };
        return new ChangesPageTail
        {
            NextCursor = cursors.Write(Make(places.Keys)),
            Cursors = places.Keys.ToDictionary(t => t, t => cursors.Write(Make([t])), StringComparer.Ordinal),
            EntityCursors = page.LastOf.ToDictionary(l => l.Key, l => new WireEntityCursor(l.Value.Position, l.Value.Id), StringComparer.Ordinal),
            Until = until,
            HasMore = page.HasMore,
            EstimatedRemaining = rest,
            Epoch = state.Epoch,
            Mark = state.Head,
        };
    }
}

/// <summary>Which commit a device and this server both know.</summary>
internal static class CommonMarks
{
    public static async Task<long> FindAsync(IStoreSnapshot snapshot, SpaceState state, string epoch, IReadOnlyList<Mark>? marks, CancellationToken cancellationToken)
    {
        if (epoch != state.Epoch)
        {
            return 0;
        }

        foreach (var mark in (marks ?? []).OrderByDescending(m => m.Position))
        {
            if (await snapshot.KnowsAsync(mark, cancellationToken).ConfigureAwait(false))
            {
                return mark.Position;
            }
        }

        return 0;
    }
}
