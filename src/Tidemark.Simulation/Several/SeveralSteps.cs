using System.Text.Json.Nodes;
using Tidemark.Client.Errors;
using Tidemark.Model.Values;
using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Several;

/// <summary>What people, networks and backends do, one decision at a time.</summary>
internal sealed class SeveralSteps(SeveralRun run, Dice dice)
{
    private const string CountedKey = "n0"; // Made by one device and deleted by nobody: what is counted there has a sum that can be told.
    private const int Keys = 5;
    private const int KilledCallsMax = 8;
    private const int KilledStatementsMax = 900;
    private int _words;

    public void Next()
    {
        var device = dice.Pick(run.Devices);
        switch (dice.Below(run.IsWide ? 21 : 18))
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
            case 18 when run.HasOthers:
                DeleteAsOther(dice.Pick(run.Remotes));
                break;
            case 19 when dice.Chance(0.4):
                run.Rotate();
                break;
            case 20:
                ChangeAccount(dice.Pick(run.Remotes));
                break;
            case 10 when dice.Chance(0.3):
                run.GiveKey();
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
            case 14:
                BreakOff(device);
                break;
            case 15 or 16:
                Contend();
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
        var other = dice.Pick([.. run.Devices.Where(d => d != device)]);
        if (dice.Chance(0.5))
        {
            Contend(device, other);
        }

        run.Sync(other, null);
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
            AtCall(device.Kill);
        }

        run.Sync(device, null, isDoomed: true);
        run.Remotes.ToList().ForEach(r => r.AtCall = null);
    }

    // The network fails in the middle of a cycle, once: before or behind a call of a remote.
    private void BreakOff(SeveralDevice device)
    {
        run.Met("broken connection");
        AtCall(static () => throw new SyncException(SyncErrorCode.NetworkError, "The connection broke off.", retryable: true));
        run.Sync(device, null);
        run.Remotes.ToList().ForEach(r => r.AtCall = null);
    }

    private void AtCall(Action happens)
    {
        var calls = dice.Between(1, KilledCallsMax);
        foreach (var remote in run.Remotes)
        {
            remote.AtCall = _ =>
            {
                if (calls-- == 0)
                {
                    happens();
                }
            };
        }
    }

    private void Contend()
    {
        var first = dice.Pick(run.Devices);
        Contend(first, dice.Pick([.. run.Devices.Where(d => d != first)]));
    }

    // Two devices change one row, and neither has seen what the other one did.
    private void Contend(SeveralDevice first, SeveralDevice second)
    {
        var common = Enumerable.Range(0, Keys).Select(KeyOf).Where(k => first.Has(k) && second.Has(k)).ToList();
        if (common.Count == 0)
        {
            return;
        }

        var key = common.Contains(CountedKey) && dice.Chance(0.4) ? CountedKey : dice.Pick(common);
        run.Met("row changed by two");
        switch (dice.Below(3))
        {
            case 0:
                var isNumber = dice.Chance(0.7);
                Count(first, key, isNumber);
                Count(second, key, isNumber);
                break;
            case 1 when key != CountedKey:
                Write(first, key, dice.Pick(SeveralTruth.Words));
                Delete(second, key);
                break;
            default:
                var field = dice.Pick(SeveralTruth.Words);
                Write(first, key, field);
                Write(second, key, field);
                break;
        }
    }

    private void DeleteAsOther(ProgrammableRemote remote)
    {
        var row = remote.Rows().Keys.Where(r => r.StartsWith("note", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToList();
        if (!run.IsHome(remote) || row.Count == 0)
        {
            return;
        }

        run.Pass();
        var gone = dice.Pick(row);
        remote.WriteAsOther("note", gone["note".Length..], null);
        run.Unknown.RemoveAll(u => u.Remote == remote.Name && u.Row == gone);
        run.Say(remote.Name, $"has {gone} deleted for good by others");
        run.Met("deleted for good by others");
    }

    // Somebody else signs in, for a while or for good, or the one who was there before comes back.
    private void ChangeAccount(ProgrammableRemote remote)
    {
        var isHome = run.IsHome(remote);
        if (isHome && run.Devices.Any(d => d.Sees.Contains(remote) && !d.Knows(remote)))
        {
            return; // It would be taken for whoever answers first.
        }

        var user = isHome ? FormattableString.Invariant($"user{++_words}") : run.AccountOf(remote);
        var forGood = isHome && dice.Chance(0.3);
        run.SignIn(remote, user, forGood);
        run.Say(remote.Name, isHome ? $"{user} signs in {(forGood ? "for good: the devices start anew with it" : "for a while")}" : $"{user} is back");
        run.Met(isHome ? "another account" : "account is back");
    }

    private void WriteAsOther(ProgrammableRemote remote)
    {
        if (!run.IsHome(remote))
        {
            return;
        }

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
        var key = NextKey();
        if (dice.Below(4) == 0)
        {
            if (device.Has(key))
            {
                Count(device, key, dice.Chance(0.5));
            }

            return;
        }

        if (!device.Has(key))
        {
            if (key != CountedKey || device == run.Devices[0])
            {
                Make(device, key);
            }
        }
        else if (dice.Below(6) == 0 && key != CountedKey)
        {
            Delete(device, key);
        }
        else
        {
            Write(device, key, dice.Pick(SeveralTruth.Words));
        }
    }

    private void Make(SeveralDevice device, string key)
    {
        Begin();
        var words = (dice.Chance(0.5) ? SeveralTruth.Words : [dice.Pick(SeveralTruth.Words)]).ToDictionary(f => f, _ => NextWord('w'), StringComparer.Ordinal);
        run.Truth.Made(device, key, words);
        device.Write($"INSERT INTO note(id, {string.Join(", ", words.Keys)}) VALUES('{key}', {string.Join(", ", words.Values.Select(w => $"'{w}'"))})");
        run.Say(device.Name, $"makes {key} with {string.Join(", ", words.Select(w => $"{w.Key} {w.Value}"))}");
    }

    private void Write(SeveralDevice device, string key, string field)
    {
        Begin();
        var word = NextWord('w');
        run.Truth.Edited(device, key, field, word);
        device.Write($"UPDATE note SET {field} = '{word}' WHERE id = '{key}'");
        run.Say(device.Name, $"writes {word} to {key}.{field}");
    }

    private void Delete(SeveralDevice device, string key)
    {
        Begin();
        run.Truth.Deletes(device, key);
        device.Write($"DELETE FROM note WHERE id = '{key}'");
        run.Say(device.Name, $"deletes {key}");
    }

    // What is counted and what is put into a list is added up, whoever was there first.
    private void Count(SeveralDevice device, string key, bool isNumber)
    {
        Begin();
        if (isNumber)
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

    // No two edits at once: which of them counts is told by their time.
    private void Begin()
    {
        run.Pass();
        run.Edits++;
    }

    private static string KeyOf(int number) => FormattableString.Invariant($"n{number}");

    private string NextKey() => dice.Chance(0.2) ? CountedKey : KeyOf(dice.Below(Keys));

    private string NextWord(char kind) => FormattableString.Invariant($"{kind}{++_words}");
}
