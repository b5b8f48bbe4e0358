using System.Text.Json;
using System.Text.Json.Nodes;
using Tidemark.Client.Encryption;
using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Remotes.Several;
using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;

namespace Tidemark.Simulation.Several;

/// <summary>What several remotes promise, beside what was written last (<see cref="SeveralTruth"/>).</summary>
internal static class SeveralCheckers
{
    public const string UnknownMember = "color";

    public static IReadOnlyList<IChecker> Make() =>
        [new ReachChecker(), new SafeChecker(), new StampChecker(), new ShadowChecker(), new EditChecker(), new AloneChecker(), new EchoChecker(), new UnreadChecker(), new SecretChecker(), new EqualChecker(), new UnknownChecker(), new AgainChecker()];
}

/// <summary>I1, I10: what lies before a token is merged or in quarantine; a token is never kept without its rows.</summary>
internal sealed class ReachChecker : IChecker
{
    public string Name => "reach";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is ReachSeen reach)
        {
            foreach (var (row, version) in reach.Shown.Where(s => s.Value <= reach.Fetched && reach.Known.GetValueOrDefault(s.Key) < s.Value).Take(1))
            {
                violation($"{reach.Device} is at {reach.Fetched} of {reach.Remote}, and knows nothing of version {version} of {row}");
            }
        }
    }
}

/// <summary>I2: a copy is good for nothing behind the oldest row in quarantine.</summary>
internal sealed class SafeChecker : IChecker
{
    public string Name => "safe";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is ReachSeen { Unread.Count: > 0 } reach && reach.Safe >= reach.Unread.Min())
        {
            violation($"{reach.Device} calls {reach.Safe} of {reach.Remote} safe; version {reach.Unread.Min()} is in quarantine");
        }
    }
}

/// <summary>I3: a value changes only to one with a greater stamp.</summary>
internal sealed class StampChecker : IChecker
{
    private readonly Dictionary<(string Device, string Field), (string Stamp, string Value)> _before = [];

    public string Name => "stamps";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is not StampsSeen stamps)
        {
            return;
        }

        foreach (var (field, now) in stamps.Fields)
        {
            if (_before.TryGetValue((stamps.Device, field), out var before) && string.CompareOrdinal(now.Stamp, before.Stamp) is var order && (order < 0 || (order == 0 && now.Value != before.Value)))
            {
                violation($"{stamps.Device}: {field} was {before.Value} of {before.Stamp} and is {now.Value} of {now.Stamp}");
            }

            _before[(stamps.Device, field)] = now;
        }
    }
}

/// <summary>I6: what a device takes for a remote's row is that row. Were it more, nobody would send what is missing there.</summary>
internal sealed class ShadowChecker : IChecker
{
    public string Name => "shadow";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is ShadowsSeen shadows)
        {
            foreach (var (field, (known, shown)) in shadows.Fields.Where(f => f.Value.Known != f.Value.Shown).Take(1))
            {
                violation($"{shadows.Device} takes {field} at {shadows.Remote} for that of {known ?? "nobody"}; it is that of {shown ?? "nobody"}");
            }
        }
    }
}

/// <summary>I3: an edit that nobody else had seen stands behind the next merge, or there is a record of it.</summary>
internal sealed class EditChecker : IChecker
{
    public string Name => "lost-edit";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is EditMerged { IsRecorded: false } edit && edit.Stands?.Contains(edit.Written, StringComparison.Ordinal) != true)
        {
            violation($"{edit.Device}: {edit.Written} was written to {edit.Field}; there is {edit.Stands ?? "no such row"}, and no record");
        }
    }
}

/// <summary>Rules that are not free of order decide when all remotes are there.</summary>
internal sealed class AloneChecker : IChecker
{
    public string Name => "alone";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is EditMerged { MayDecide: false } edit && edit.Stands != edit.Written)
        {
            violation($"{edit.Device}: {edit.Field} was {edit.Written} and became {edit.Stands ?? "no row"} although a remote was away");
        }
    }
}

/// <summary>I6: nobody writes what stands there already.</summary>
internal sealed class EchoChecker : IChecker
{
    public string Name => "echo";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is RowWritten { IsKnowing: true, Former: { } former } written && former == written.Now)
        {
            violation($"{written.Device} writes {written.Row} at {written.Remote} as it was: {former}");
        }
    }
}

/// <summary>I9: what cannot be read is not written over.</summary>
internal sealed class UnreadChecker : IChecker
{
    public string Name => "unread";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is RowWritten { IsUnread: true } written)
        {
            violation($"{written.Device} writes {written.Row} at {written.Remote}, which is in its quarantine");
        }
    }
}

/// <summary>I12 and the promise of encryption: a secret never stands plain at a remote, and is encrypted again only when it was edited or has another key.</summary>
internal sealed class SecretChecker : IChecker
{
    // An envelope is longer than any word.
    private const int EnvelopeMin = 80;

    public string Name => "secret";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is not RowWritten { Now: { } json } written)
        {
            return;
        }

        var now = Read(json);
        if (now.Secret is { Length: < EnvelopeMin })
        {
            violation($"{written.Device} writes the secret of {written.Row} plain at {written.Remote}");
        }

        if (written is { IsKnowing: true, Former: { } before } && Read(before) is { Secret: not null, Stamp: not null } former && now.Secret is not null && now.Stamp == former.Stamp && !IsDerived(now.Stamp!) && now.Secret != former.Secret && KeyOf(now.Secret) == KeyOf(former.Secret))
        {
            violation($"{written.Device} writes the secret of {written.Row} at {written.Remote} anew, under the stamp it had: {now.Stamp}");
        }
    }

    // The stamp of somebody who knows none: what stands beside it in the row may have had none yet.
    private static bool IsDerived(string stamp) => Stamp.Parse(stamp).Node == Stamp.Foreign;

    private static Guid? KeyOf(string secret) => FieldCipher.KeyIdOf(Value.Text(secret));

    private static (string? Secret, string? Stamp) Read(string json)
    {
        var row = JsonNode.Parse(json)!;
        var stamps = row[RemoteModel.StampsField]?.GetValue<string>() is { } text ? JsonNode.Parse(text) : null;
        return (row["secret"]?.GetValueKind() == JsonValueKind.String ? row["secret"]!.GetValue<string>() : null, stamps?["secret"]?[0]?.GetValue<string>());
    }
}

/// <summary>I4, I7: all have the same in the end, who has just come too, and the remotes show it.</summary>
internal sealed class EqualChecker : IChecker
{
    public string Name => "equal";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is not SeveralAtRest rest)
        {
            return;
        }

        if (rest.Unread.Count > 0)
        {
            violation($"in quarantine still: {string.Join("; ", rest.Unread)}");
        }

        var first = rest.Devices[0];
        foreach (var other in rest.Devices.Skip(1).Where(d => !d.Rows.SequenceEqual(first.Rows, StringComparer.Ordinal)).Take(1))
        {
            violation($"{other.Name} has not what {first.Name} has: missing {string.Join(", ", first.Rows.Except(other.Rows))}; too much {string.Join(", ", other.Rows.Except(first.Rows))}");
        }

        foreach (var (remote, rows) in rest.Remotes)
        {
            var there = rows.Select(r => (r.Key, Row: JsonNode.Parse(r.Value)!)).Where(r => !IsDeleted(r.Row)).ToDictionary(r => r.Key, r => r.Row, StringComparer.Ordinal);
            foreach (var (row, fields) in rest.Plain.Where(p => !there.TryGetValue(p.Key, out var shown) || p.Value.Any(f => shown[f.Key]?.GetValue<string>() != f.Value)).Take(1))
            {
                violation($"{remote} has not what {first.Name} has of {row}: {string.Join(", ", fields.Select(f => $"{f.Key} {f.Value}"))}; there is {(rows.TryGetValue(row, out var json) ? json : "nothing")}");
            }

            foreach (var row in there.Keys.Where(r => r.StartsWith("note", StringComparison.Ordinal) && !rest.Plain.ContainsKey(r)).Take(1))
            {
                violation($"{remote} has {row} still");
            }
        }
    }

    // The row's deletion has the empty name among its stamps.
    private static bool IsDeleted(JsonNode row) => row[RemoteModel.StampsField]?.GetValue<string>() is { } stamps && JsonNode.Parse(stamps)?[""]?[1]?.GetValue<string>() == "1";
}

/// <summary>I11: what no model knows stays as it was written.</summary>
internal sealed class UnknownChecker : IChecker
{
    public string Name => "unknown";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is SeveralAtRest rest)
        {
            foreach (var (remote, row, value) in rest.Unknown.Where(u => rest.Remotes[u.Remote].TryGetValue(u.Row, out var json) && JsonNode.Parse(json)![SeveralCheckers.UnknownMember]?.GetValue<string>() != u.Value).Take(1))
            {
                violation($"{row} at {remote} was given {SeveralCheckers.UnknownMember} {value}, and is {rest.Remotes[remote][row]}");
            }
        }
    }
}

/// <summary>I5, I6: everything once more from the start changes nothing and sends nothing.</summary>
internal sealed class AgainChecker : IChecker
{
    public string Name => "again";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is not FetchedAgain again)
        {
            return;
        }

        if (again.Writes > 0)
        {
            violation($"{again.Device} has nothing to send, and wrote {again.Writes} rows");
        }

        if (!again.Before.SequenceEqual(again.After, StringComparer.Ordinal))
        {
            violation($"{again.Device} fetched everything again, and had {string.Join(", ", again.Before.Except(again.After))} and has {string.Join(", ", again.After.Except(again.Before))}");
        }
    }
}
