using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Joining;

/// <summary>What a judgement came to.</summary>
/// <param name="Row">As it is to be; null while a person is asked.</param>
/// <param name="Base">What both sides started from; null: both made the row.</param>
/// <param name="Theirs">What the remotes show.</param>
/// <param name="Merge">How each field was decided.</param>
internal sealed record Judged(JoinedRow? Row, Row? Base, Row Theirs, MergeResult Merge);

/// <summary>
/// Rules that are no joins: ServerWins, Text, Manual, and custom merges. They decide between an edit that no remote has seen yet and what the remotes show, as they
/// do where there is one server, and their outcome is an edit like any other. Who decides must have seen all remotes: until then the edit stays here, and what came is kept as it came.
/// </summary>
internal sealed class Judgement(CustomMergeRegistry merges)
{
    public bool Concerns(EntityType type) => IsCustom(type) || type.Fields.Any(Concerns);

    /// <summary>The rule of a field, for people.</summary>
    public string RuleOf(EntityType type, int ordinal) => IsCustom(type) ? $"custom merge {type.CustomMerge}" : $"{type.Fields[ordinal].Policy} of {type.Fields[ordinal].Name}";

    /// <summary>The fields whose edits no remote has seen, and that such a rule decides.</summary>
    public IReadOnlyList<int> Pending(JoinedRow row, ulong node, IReadOnlyList<Shadow?> shadows)
    {
        var pending = new List<int>();
        for (var i = 0; i < row.Fields.Count; i++)
        {
            if (Concerns(row.Type, i) && row.Fields[i] is { IsKnown: true } field && field.Stamp.Node == node && !shadows.Any(s => s is { IsMissing: false } && s.Fields[i].IsThere && s.Fields[i].Stamp == field.Stamp))
            {
                pending.Add(i);
            }
        }

        return pending;
    }

    /// <summary>Those of them in which a remote shows something that their writer did not know. None when the row goes; what stands in a deleted row that is kept is a value like any other.</summary>
    public static IReadOnlyList<int> Contested(JoinedRow local, JoinedRow theirs, IReadOnlyList<int> pending) =>
        pending.Count == 0 || local.IsDeleted || local.Join(theirs).IsDeleted ? [] : [.. pending.Where(i =>
            theirs.Fields[i] is { IsKnown: true } field && field.Value != local.Fields[i].Value && field.Stamp > local.Fields[i].Before && field.Before != local.Fields[i].Stamp)];

    /// <summary>The row after an edit, with what its writer started from.</summary>
    public JoinedRow Remember(JoinedRow? former, Row? shown, JoinedRow edited, ulong node, IReadOnlyList<Shadow?> shadows)
    {
        if (former is null || shown is null || !Concerns(edited.Type))
        {
            return edited;
        }

        var pending = Pending(former, node, shadows);
        if (pending.Count > 0 && former.Base is null)
        {
            return edited; // Made here, and not sent yet.
        }

        var was = pending.Count > 0 ? former.Base! : shown;
        var again = new Dictionary<int, StampedValue>();
        for (var i = 0; i < edited.Fields.Count; i++)
        {
            if (!Concerns(edited.Type, i) || edited.Fields[i] == former.Fields[i])
            {
                continue;
            }

            if (pending.Contains(i))
            {
                again[i] = edited.Fields[i] with { Before = former.Fields[i].Before };
            }
            else
            {
                was = was.With(i, shown[i]);
            }
        }

        return edited.With(again, was);
    }

    /// <summary>Decides.</summary>
    /// <param name="local">What is known here.</param>
    /// <param name="theirs">What the remotes show.</param>
    /// <param name="pending">The fields whose edits no remote has seen.</param>
    /// <param name="contested">Those that are to be decided.</param>
    /// <param name="clock">Stamps the outcome.</param>
    /// <param name="now">The only time that a merge sees.</param>
    /// <param name="taken">What a person has decided: true, what is here; null: nobody was asked.</param>
    public Judged Decide(JoinedRow local, JoinedRow theirs, IReadOnlyList<int> pending, IReadOnlyList<int> contested, StampClock clock, DateTimeOffset now, bool? taken)
    {
        var type = local.Type;
        var mine = local.ToRow();
        Row? was = local.Base is null && pending.Count > 0 ? null : pending.Aggregate(mine, (row, i) => row.With(i, local.Base![i]));
        var shown = theirs.ToRow();
        for (var i = 0; i < type.Fields.Count; i++)
        {
            shown = theirs.Fields[i].IsKnown || type.IsKey(i) ? shown : shown.With(i, was is null ? mine[i] : was[i]);
        }

        var merge = EntityMerger.Merge(type, was, mine, shown, new MergeContext { Now = now, Merges = merges });
        if (merge.ManualReason is not null && taken is null)
        {
            return new Judged(null, was, shown, merge);
        }

        var outcome = taken switch
        {
            true => merge.Proposed ?? merge.Merged,
            false => shown,
            null => merge.Merged,
        };
        var joined = local.Join(theirs);
        clock.Saw(joined.Newest);
        var stamp = clock.Next(now.ToUnixTimeMilliseconds());
        var decided = new Dictionary<int, StampedValue>();
        foreach (var i in IsCustom(type) && taken is null ? Enumerable.Range(0, type.Fields.Count).Where(i => !type.IsKey(i)) : contested)
        {
            var (here, there) = (local.Fields[i], theirs.Fields[i]);
            if (outcome[i] != joined.Fields[i].Value)
            {
                decided[i] = new StampedValue(outcome[i], stamp, joined.Fields[i].Stamp) { Parts = FieldJoin.ClockOf(type, type.Fields[i], outcome) };
            }
            else if (joined.Fields[i] == here && there.IsKnown)
            {
                decided[i] = here with { Before = there.Stamp };
            }
        }

        return new Judged(joined.With(decided, shown), was, shown, merge);
    }

    private bool Concerns(EntityType type, int ordinal) => !type.IsKey(ordinal) && (IsCustom(type) || Concerns(type.Fields[ordinal]));

    private static bool Concerns(Field field) => field.Policy is FieldPolicy.ServerWins or FieldPolicy.Text or FieldPolicy.Manual;

    private bool IsCustom(EntityType type) => type.CustomMerge is { } name && merges.Find(name) is not null;
}
