using System.Text.Json.Nodes;
using Tidemark.Model.Values;
using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Several;

/// <summary>What people, networks and backends do, one decision at a time.</summary>
internal sealed class SeveralSteps(SeveralRun run, Dice dice)
{
    private const int Keys = 5;
    private const int KilledCallsMax = 8;
    private const int KilledStatementsMax = 900;
    private int _words;

    public void Next()
    {
        var device = dice.Pick(run.Devices);
        switch (dice.Below(14))
        {
            case < 5:
                Edit(device);
                break;
            case 5:
                Happens(dice.Pick(run.Remotes), r => (r.IsDown = dice.Chance(0.5)) ? "is down" : "is up");
                break;
            case 6:
                Happens(dice.Pick(run.Remotes), r =>
                {
                    r.LosesNextAnswer = true;
                    return "will lose the next answer";
                });
                break;
            case 7:
                Happens(dice.Pick(run.Remotes), r => (r.Shuffles = dice.Chance(0.5)) ? "shows rows twice and out of order" : "shows rows in order");
                break;
            case 8 when run.HasOthers:
                WriteAsOther(dice.Pick(run.Remotes));
                break;
            case 11 when dice.Chance(0.5):
                Kill(device);
                break;
            case 12:
                Happens(dice.Pick(run.Remotes), r =>
                {
                    r.Forget();
                    return "forgets what was deleted";
                });
                break;
            case 13 when dice.Chance(0.3):
                var emptied = dice.Pick(run.Remotes);
                run.Unknown.RemoveAll(u => u.Remote == emptied.Name);
                Happens(emptied, r =>
                {
                    r.Empty();
                    return "is emptied";
                });
                break;
            default:
                run.Sync(device, dice.Below(8) switch { < 2 => Edit, < 4 => SyncOther, _ => null });
                break;
        }
    }

    // Between the stages and the push of one device another one may write at the same remotes.
    private void SyncOther(SeveralDevice device)
    {
        run.Met("run in another one");
        run.Sync(dice.Pick([.. run.Devices.Where(d => d != device)]), null);
    }

    private void Happens(ProgrammableRemote remote, Func<ProgrammableRemote, string> what)
    {
        var said = what(remote);
        run.Say(remote.Name, said);
        run.Met(said);
    }

    // The process ends in the middle of a cycle: before or behind a call of a remote, or between two statements.
    private void Kill(SeveralDevice device)
    {
        if (dice.Chance(0.5))
        {
            device.KillIn(dice.Skewed(KilledStatementsMax));
        }
        else
        {
            var calls = dice.Between(1, KilledCallsMax);
            foreach (var remote in run.Remotes)
            {
                remote.AtCall = _ =>
                {
                    if (calls-- == 0)
                    {
                        device.Kill();
                    }
                };
            }
        }

        run.Sync(device, null, isDoomed: true);
        foreach (var remote in run.Remotes)
        {
            remote.AtCall = null;
        }
    }

    private void WriteAsOther(ProgrammableRemote remote)
    {
        run.Pass();
        var (key, word) = ($"\"n{dice.Below(Keys)}\"", NextWord('o'));
        remote.WriteAsOther("note", key, new JsonObject { ["title"] = word, ["body"] = "b", [SeveralCheckers.UnknownMember] = word }.ToJsonString());
        run.Unknown.RemoveAll(u => u.Remote == remote.Name && u.Row == "note" + key);
        run.Unknown.Add((remote.Name, "note" + key, word));
        run.Say(remote.Name, $"is written by others: {key} {word}");
        run.Met("other writers");
    }

    private void Edit(SeveralDevice device)
    {
        run.Pass(); // No two edits at once: which of them counts is told by their time.
        run.Edits++;
        var key = FormattableString.Invariant($"n{dice.Below(Keys)}");
        if (dice.Below(5) == 0)
        {
            if (device.Has(key))
            {
                Count(device, key);
            }

            return;
        }

        var (word, field) = (NextWord('w'), dice.Pick(SeveralTruth.Words));
        if (!device.Has(key))
        {
            run.Truth.Made(device, key, field, word);
            device.Write($"INSERT INTO note(id, {field}) VALUES('{key}', '{word}')");
            run.Say(device.Name, $"makes {key} with {field} {word}");
        }
        else if (dice.Below(6) == 0)
        {
            run.Truth.Deletes(device, key);
            device.Write($"DELETE FROM note WHERE id = '{key}'");
            run.Say(device.Name, $"deletes {key}");
        }
        else
        {
            run.Truth.Edited(device, key, field, word);
            device.Write($"UPDATE note SET {field} = '{word}' WHERE id = '{key}'");
            run.Say(device.Name, $"writes {word} to {key}.{field}");
        }
    }

    // What is counted and what is put into a list is added up, whoever was there first.
    private void Count(SeveralDevice device, string key)
    {
        if (dice.Chance(0.5))
        {
            var more = dice.Between(-3, 4);
            run.Truth.Counted(device, key, more);
            device.Write(FormattableString.Invariant($"UPDATE note SET n = coalesce(n, 0) + {more} WHERE id = '{key}'"));
            run.Say(device.Name, $"counts {more} in {key}");
        }
        else if (dice.Below(3) == 0 && device.Scalar($"SELECT json_extract(tags, '$[0]') FROM note WHERE id = '{key}'") is { Kind: ValueKind.Text } first)
        {
            run.Truth.Untagged(device, key, first.AsText);
            device.Write($"UPDATE note SET tags = json_remove(tags, '$[0]') WHERE id = '{key}'");
            run.Say(device.Name, $"takes {first} out of {key}");
        }
        else
        {
            var tag = NextWord('t');
            run.Truth.Tagged(device, key, tag);
            device.Write($"UPDATE note SET tags = json_insert(coalesce(tags, '[]'), '$[#]', '{tag}') WHERE id = '{key}'");
            run.Say(device.Name, $"puts {tag} into {key}");
        }
    }

    private string NextWord(char kind) => FormattableString.Invariant($"{kind}{++_words}");
}
