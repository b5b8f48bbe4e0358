using System.Globalization;
using Tidemark.Client.Duplicates;
using Tidemark.Client.Engines;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>Puts together what a store knows of one row.</summary>
internal sealed class StoryTeller(StoreSession session, EntityTable table, EntityKey key)
{
    private readonly string _key = key.ToString();
    private readonly List<StoryEvent> _events = [];

    public RowStory Tell()
    {
        var live = LiveRows.Read(session, table, key).Visible;
        var entry = table.ReadEntry(session.Db, key, session.Remote);
        var @base = session.BaseOf(table, key, entry, live);
        var commands = session.Outbox.ReadAll().Where(c => c.Type == table.Number && c.Key == _key).ToList();
        var aside = session.Aside.ReadAll().Find(a => a.Type == table.Type.Name && a.Key == _key);
        var conflicts = session.Conflicts.ReadOf(table.Type.Name, _key);
        var touches = session.Outbox.ReadTouches(0, int.MaxValue).Where(IsOfRow).ToList();
        AddPast(commands, conflicts, touches, aside);
        if (entry is not null)
        {
            Add(TimeOf(entry.Version), "version", $"The server's version {entry.Version}: the last one known here.");
        }

        var pending = PendingOf(live, @base, entry is not null);
        var (standing, why) = StandingOf(live, entry, pending, commands, aside, touches);
        _events.Sort((a, b) => Nullable.Compare(a.At, b.At));
        _events.Add(new StoryEvent(null, "now", Now(standing, why, pending)));
        return new RowStory
        {
            Type = table.Type.Name, Key = _key, Standing = standing, Why = why, Live = live, Base = entry is null ? null : @base, Pending = pending, Version = entry?.Version, Events = _events, Conflicts = conflicts,
        };
    }

    private void AddPast(List<StoredCommand> commands, List<ConflictRecord> conflicts, List<Touch> touches, AsideRow? aside)
    {
        foreach (var touch in touches)
        {
            Add(DateTimeOffset.FromUnixTimeMilliseconds(touch.AtMs), "captured", $"Outbox event {touch.Seq}: {CapturedAs(touch.Op)}.");
        }

        foreach (var command in commands)
        {
            Add(DateTimeOffset.FromUnixTimeMilliseconds(command.StateUpdatedAtMs), command.Status is CommandStatus.DeadLetter or CommandStatus.Failed ? "refused" : "frozen", CommandText(command));
        }

        string[] names = session.IdMap.ClientIdOf(table.Number, _key) is { } former ? [_key, former] : [_key];
        foreach (var accepted in session.Answers.ReadOf(table.Number, names))
        {
            Add(accepted.At, "accepted", $"The server accepted {accepted.Operation} {accepted.Command:D} as version {accepted.Version}.");
        }

        if (names.Length > 1)
        {
            Add(null, "renumbered", $"It was made here as {names[1]}; the server gave it the id {_key}.");
        }
        else if (session.IdMap.ServerIdOf(table.Number, _key) is { } @new && @new != _key)
        {
            Add(null, "renumbered", $"This id was replaced by the server's: ask for {@new}.");
        }

        foreach (var conflict in conflicts)
        {
            Add(conflict.At, conflict.Outcome is ConflictRecord.Discarded or ConflictRecord.AsideDiscarded ? "discarded" : "conflict", ConflictText(conflict));
            if (conflict.SettledAt is { } at)
            {
                Add(at, "settled", $"Conflict {conflict.Id} was settled by a person: {conflict.Settlement}.");
            }
        }

        foreach (var merge in session.MergeRecords.ReadOf(table.Number, _key))
        {
            Add(merge.At, "merged", MergeText(merge));
        }

        if (aside is not null)
        {
            Add(DateTimeOffset.FromUnixTimeMilliseconds(aside.FirstAtMs), "aside", $"The server's version {aside.Version} was put aside ({aside.Cause}{(aside.Detail is null ? "" : ": " + aside.Detail)}); tried {aside.Tries} times.");
        }

        if (session.Tombstones.VersionOf(table.Number, key) is > 0 and var gone)
        {
            Add(TimeOf(gone), "deleted", $"Deleted on the server as version {gone}.");
        }
    }

    private (RowStanding Standing, string? Why) StandingOf(Row? live, RowEntry? entry, IReadOnlyList<string> pending, List<StoredCommand> commands, AsideRow? aside, List<Touch> touches)
    {
        if (commands.Find(c => c.Status == CommandStatus.DeadLetter) is { } dead)
        {
            return (RowStanding.Diverged, $"{dead.LastCode}: {dead.LastError}");
        }

        if (commands.Count > 0)
        {
            return (RowStanding.Pending, commands[0].Status == CommandStatus.Failed ? $"The server refused it for now ({commands[0].LastCode}): it is sent again." : "It is on its way, and the answer has not come.");
        }

        if (aside is not null)
        {
            return (RowStanding.PutAside, $"{aside.Cause}{(aside.Detail is null ? "" : ": " + aside.Detail)}");
        }

        if (touches.Count > 0 || pending.Count > 0)
        {
            return (RowStanding.Pending, "It has not been sent yet.");
        }

        return live is not null && entry is not null ? (RowStanding.InStep, null)
            : session.Tombstones.VersionOf(table.Number, key) > 0 ? (RowStanding.Deleted, null)
            : (RowStanding.Unknown, "Neither this file nor its books have such a row.");
    }

    private static string Now(RowStanding standing, string? why, IReadOnlyList<string> pending) => standing switch
    {
        RowStanding.InStep => "In step: the row here is the one the server last showed.",
        RowStanding.Deleted => "Deleted on both sides.",
        RowStanding.Pending => $"Not in step yet{(pending.Count > 0 ? $" ({string.Join(", ", pending)})" : "")}: {why}",
        RowStanding.Diverged => $"Waits for a person: {why}",
        RowStanding.PutAside => $"What the server has cannot be applied yet: {why}",
        _ => why!,
    };

    private IReadOnlyList<string> PendingOf(Row? live, Row? @base, bool isShown)
    {
        if (live is null || @base is null || !isShown)
        {
            return live is null == !isShown ? [] : ["the whole row"];
        }

        return [.. table.Type.Fields.Where((_, i) => live[i] != @base[i] && !@base[i].IsAbsent).Select(f => f.Name)];
    }

    private static string CommandText(StoredCommand command)
    {
        var what = $"{OperationNames.NameOf(command.Operation)} {command.Id:D}{(command.BaseVersion is { } version ? $" on version {version}" : "")}";
        return command.Status switch
        {
            CommandStatus.Pending => $"{what} is frozen and waits to be sent.",
            CommandStatus.InFlight => $"{what} was handed to the network ({command.Attempts} times); its fate is unknown.",
            CommandStatus.Failed => $"{what} was refused for now: {command.LastCode}: {command.LastError}",
            _ => $"{what} is a dead letter: {command.LastCode}: {command.LastError}",
        };
    }

    public static string ConflictText(ConflictRecord conflict)
    {
        if (conflict.Outcome == ConflictRecord.Discarded)
        {
            return $"The edit was taken back before it was sent (record {conflict.Id}). {conflict.Reason}";
        }

        if (conflict.Outcome == ConflictRecord.AsideDiscarded)
        {
            return $"{conflict.Reason} (record {conflict.Id})";
        }

        var fields = conflict.Fields.Where(f => f.Rule is Model.Merging.MergeRule.Policy or Model.Merging.MergeRule.Custom or Model.Merging.MergeRule.ConflictFree)
            .Select(f => $"{f.Field} by {f.Policy?.ToString() ?? f.Rule.ToString()} from {f.From.ToString().ToLowerInvariant()}{(f.Note is null ? "" : $" ({f.Note})")}");
        var how = conflict.Reason ?? string.Join("; ", fields);
        return $"Conflict {conflict.Id} with version {conflict.ServerVersion}: {conflict.Outcome}{(how.Length > 0 ? ". " + how : "")}{(how.EndsWith('.') ? "" : ".")}";
    }

    private string MergeText(MergeRecord merge)
    {
        var moved = string.Create(CultureInfo.InvariantCulture, $"{merge.Moved.Count} references moved");
        var end = merge.State switch
        {
            MergeState.Merged => "the server has not heard of it yet",
            MergeState.Done => "the server knows it",
            _ => "it was taken back: the row came back",
        };
        return merge.Key == _key
            ? $"It was a duplicate of {merge.Into} and was merged into it (record {merge.Id}, {moved}); {end}."
            : $"The duplicate {merge.Key} was merged into it (record {merge.Id}, {moved}); {end}.";
    }

    public static string CapturedAs(string op) => op switch
    {
        "I" => "inserted",
        "U" => "updated",
        "D" => "deleted",
        "R" => "thrown out by another row",
        "K" => "its key was changed away",
        "N" => "its key was changed to this",
        "A" => "it was there when the file was adopted",
        _ => "noted by Tidemark: a difference that is left, or was found",
    };

    private bool IsOfRow(Touch touch) => IsOfRow(touch, table, key);

    public static bool IsOfRow(Touch touch, EntityTable table, EntityKey key)
    {
        if (touch.Type != table.Number)
        {
            return false;
        }

        for (var i = 0; i < key.Count; i++)
        {
            if (table.KeyPart(i, touch.Key[i]) != key[i])
            {
                return false;
            }
        }

        return true;
    }

    private static DateTimeOffset TimeOf(long position) => DateTimeOffset.UnixEpoch.AddTicks(position * 10);

    private void Add(DateTimeOffset? at, string kind, string text) => _events.Add(new StoryEvent(at, kind, text));
}
