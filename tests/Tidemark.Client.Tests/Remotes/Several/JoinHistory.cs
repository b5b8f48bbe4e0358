using System.Text.Json;
using Tidemark.Client.Coordination;
using Tidemark.Client.Encryption;
using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;
using Tidemark.Testing;
using Tidemark.Testing.Remotes;
using Tidemark.Testing.Server;
using Xunit;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>
/// Random histories of three devices and three remotes of which each device sees two: remotes that lack this or that, flap, forget and are emptied, lost answers, edits between stage and push, a device that gets its key
/// late, shown rows twice and out of order, processes that are killed in a cycle, and, with other writers, clocks that differ and rules that wait for all remotes. In the end nothing that anybody wrote is lost but to what was written later, all are equal, and nobody has anything to send.
/// </summary>
internal sealed class JoinHistory(int seed, bool hasOthers)
{
    private const int Keys = 5;

    // Rules that are no joins, and decide only when all remotes that a device sees are there.
    private static readonly SyncModel Ruled = JoinDevice.With(f => f.Name switch
    {
        "title" => f with { Policy = FieldPolicy.ServerWins },
        "body" => f with { Policy = FieldPolicy.Text },
        _ => f,
    });

    private readonly Random _dice = new(seed);
    private readonly Random _noise = new(-seed);
    private readonly ManualTime _time = new();
    private readonly List<ProgrammableRemote> _remotes = [];
    private readonly List<JoinDevice> _devices = [];
    private readonly List<TimeProvider> _clocks = [];
    private readonly List<(string, IStagedRemote)[]> _sees = [];
    private readonly Dictionary<(string Key, string Field), (long At, string? Value)> _truth = [];
    private readonly List<Dictionary<string, (long At, Dictionary<string, string?> Fields)>> _pending = [[], [], []];
    private readonly HashSet<(string Key, string Field)> _unclear = [];
    private readonly Dictionary<string, long> _counted = [];
    private readonly Dictionary<string, HashSet<string>> _tags = [];
    private readonly HashSet<string> _everDeleted = [];
    private readonly Dictionary<string, int> _made = [];
    private KeyRing _ring = KeyRing.Empty;
    private int _words;

    public async Task RunAsync()
    {
        using var folder = new TempFolder();
        _ring = _ring.Rotated(_noise.NextBytes);
        for (var i = 0; i < 3; i++)
        {
            _remotes.Add(new ProgrammableRemote { Name = "r" + i, NowMs = NowMs, Capabilities = CapabilitiesOf(i) });
        }

        for (var i = 0; i < 3; i++)
        {
            var others = Enumerable.Range(0, 3).Where(r => r != i).OrderBy(_ => _dice.Next()).Select(r => ("r" + r, (IStagedRemote)_remotes[r])).ToArray();
            _clocks.Add(new ShiftedTime(_time, hasOthers && seed % 3 == 0 ? TimeSpan.FromSeconds((i - 1) * 100) : TimeSpan.Zero));
            _sees.Add(others);
            _devices.Add(await JoinDevice.MakeAsync(folder.File($"d{i}.db"), _clocks[i], _noise.NextBytes, hasOthers && seed % 2 == 0 ? Ruled : JoinDevice.Notes, others));
        }

        await _devices[0].GiveKeysAsync(_ring);
        await _devices[1].GiveKeysAsync(_ring);
        try
        {
            for (var step = 0; step < 45; step++)
            {
                await StepAsync();
            }

            await EndAsync();
        }
        finally
        {
            foreach (var device in _devices)
            {
                await device.DisposeAsync();
            }
        }
    }

    // In each history another remote lacks another thing.
    private RemoteCapabilities CapabilitiesOf(int remote) => ((seed + remote) % 6) switch
    {
        0 => new RemoteCapabilities { PageRowsMax = 2 },
        2 => new RemoteCapabilities { Patches = false },
        3 => new RemoteCapabilities { Lookup = false },
        4 => new RemoteCapabilities { ConditionalWrites = false },
        _ => new RemoteCapabilities(),
    };

    private long NowMs() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private async Task StepAsync()
    {
        var device = _dice.Next(3);
        switch (_dice.Next(14))
        {
            case < 5:
                Edit(device);
                break;
            case 5:
                _remotes[_dice.Next(3)].IsDown = _dice.Next(2) == 0;
                break;
            case 6:
                _remotes[_dice.Next(3)].LosesNextAnswer = true;
                break;
            case 7:
                _remotes[_dice.Next(3)].Shuffles = _dice.Next(2) == 0;
                break;
            case 12:
                _remotes[_dice.Next(3)].Forget();
                break;
            case 13 when _dice.Next(3) == 0:
                _remotes[_dice.Next(3)].Empty();
                break;
            case 11 when _dice.Next(2) == 0:
                await KillAsync(device);
                break;
            case 8 when hasOthers:
                WriteAsOther(_remotes[_dice.Next(3)]);
                break;
            default:
                await SyncAsync(device);
                break;
        }
    }

    // The process ends in the middle of a cycle, between any two calls of remotes; the next one goes on with the file.
    private async Task KillAsync(int device)
    {
        var calls = _dice.Next(1, 8);
        var path = _devices[device].Store.Path;
        await _devices[device].DisposeAsync();
        var killer = new Killer { AtCall = calls };
        var doomed = await JoinDevice.OpenDoomedAsync(path, _clocks[device], _noise.NextBytes, killer, _sees[device]);
        try
        {
            killer.Begin();
            _remotes.ForEach(r => r.AtCall = _ => killer.Call());
            await doomed.TrySyncAsync();
        }
        catch (KilledException)
        {
            // As it was to be.
        }
        finally
        {
            _remotes.ForEach(r => r.AtCall = null);
            await killer.BuryAsync(doomed);
        }

        _devices[device] = await JoinDevice.OpenAsync(path, _clocks[device], _noise.NextBytes, _sees[device]);
        if (!_devices[device].Store.EngineSession.Outbox.HasWork())
        {
            Flush(device); // It was taken up before the end.
        }
    }

    private void WriteAsOther(ProgrammableRemote remote)
    {
        _time.Advance(TimeSpan.FromMilliseconds(10));
        remote.WriteAsOther("note", JsonSerializer.Serialize("n" + _dice.Next(Keys)), $$"""{"title":"o{{_words++}}","body":"b"}""");
    }

    private void Edit(int device)
    {
        if (_dice.Next(5) == 0)
        {
            Count(device);
            return;
        }

        _time.Advance(TimeSpan.FromMilliseconds(10)); // No two edits at once: which of them counts is told by their time.
        var key = "n" + _dice.Next(Keys);
        var word = $"w{_words++}";
        var field = _dice.Next(3) switch { 0 => "title", 1 => "body", _ => "secret" };
        var app = _devices[device];
        var exists = app.Scalar($"SELECT count(*) FROM note WHERE id = '{key}'").AsInteger != 0;
        var fields = new Dictionary<string, string?>(StringComparer.Ordinal);
        if (!exists)
        {
            _made[key] = _made.GetValueOrDefault(key) + 1;
            app.Sql($"INSERT INTO note(id, {field}) VALUES('{key}', '{word}')");
            foreach (var name in new[] { "title", "body", "secret" })
            {
                fields[name] = name == field ? word : null;
            }

            fields["there"] = "1";
        }
        else if (_dice.Next(6) == 0)
        {
            var outcome = OfDeletion(device, key);
            _everDeleted.Add(key);
            app.Sql($"DELETE FROM note WHERE id = '{key}'");
            fields["there"] = outcome == "1" ? "1" : "0";
            if (outcome == "?")
            {
                fields["?"] = null;
            }
        }
        else
        {
            app.Sql($"UPDATE note SET {field} = '{word}' WHERE id = '{key}'");
            (fields[field], fields["there"]) = (word, "1");
        }

        Note(device, key, fields);
    }

    private void Note(int device, string key, Dictionary<string, string?> fields)
    {
        var row = _pending[device].TryGetValue(key, out var former) ? former.Fields : new(StringComparer.Ordinal);
        if (former.Fields is not null && !former.Fields.ContainsKey("there") | (fields["there"] != former.Fields.GetValueOrDefault("there")))
        {
            row["?"] = null; // Made, deleted and made again within one look: what was shown decides, and the oracle does not know it.
        }

        foreach (var (name, value) in fields)
        {
            row[name] = value;
        }

        _pending[device][key] = (NowMs(), row);
    }

    // Where edits win, one that the deleting device has not seen keeps the row. "0": it goes; "?": who else has deleted it, or counted in it, decides.
    private string OfDeletion(int device, string key)
    {
        var app = _devices[device];
        var others = _pending.Where((p, i) => i != device && p.ContainsKey(key)).Select(p => p[key].Fields).ToList();
        var isUnseen = others.Count > 0;
        foreach (var field in new[] { "title", "body", "secret" })
        {
            var shown = app.Scalar($"SELECT {field} FROM note WHERE id = '{key}'");
            isUnseen |= _truth.TryGetValue((key, field), out var known) && (_unclear.Contains((key, field)) || (shown.IsNull ? null : shown.AsText) != known.Value) && !_pending[device].ContainsKey(key);
        }

        var isUnclear = _pending[device].ContainsKey(key) || _unclear.Any(u => u.Key == key) || !(_truth.TryGetValue((key, "there"), out var there) && there.Value == "1") || others.Any(o => o.ContainsKey("?") || o.GetValueOrDefault("there") != "1");
        var isCounted = _tags.TryGetValue(key, out var tags) && (_everDeleted.Contains(key)
            || app.Scalar($"SELECT coalesce(n, 0) FROM note WHERE id = '{key}'").AsInteger != _counted.GetValueOrDefault(key)
            || !tags.SetEquals(JsonSerializer.Deserialize<List<string>>(app.Scalar($"SELECT coalesce(tags, '[]') FROM note WHERE id = '{key}'").AsText)!));
        return isCounted || (isUnseen && isUnclear) ? "?" : isUnseen ? "1" : "0";
    }

    // What is counted and what is put into a list is added up, whoever was there first.
    private void Count(int device)
    {
        var app = _devices[device];
        var key = "n" + _dice.Next(Keys);
        if (app.Scalar($"SELECT count(*) FROM note WHERE id = '{key}'").AsInteger == 0)
        {
            return;
        }

        _time.Advance(TimeSpan.FromMilliseconds(10));
        Note(device, key, new(StringComparer.Ordinal) { ["there"] = "1" });
        var tags = _tags.TryGetValue(key, out var known) ? known : _tags[key] = [];
        if (_dice.Next(2) == 0)
        {
            var more = _dice.Next(1, 9) - 4;
            _counted[key] = _counted.GetValueOrDefault(key) + more;
            app.Sql($"UPDATE note SET n = coalesce(n, 0) + {more} WHERE id = '{key}'");
        }
        else if (_dice.Next(3) == 0 && app.Scalar($"SELECT json_extract(tags, '$[0]') FROM note WHERE id = '{key}'") is { Kind: Model.Values.ValueKind.Text } first)
        {
            tags.Remove(first.AsText);
            app.Sql($"UPDATE note SET tags = json_remove(tags, '$[0]') WHERE id = '{key}'");
        }
        else
        {
            var word = $"t{_words++}";
            tags.Add(word);
            app.Sql($"UPDATE note SET tags = json_insert(coalesce(tags, '[]'), '$[#]', '{word}') WHERE id = '{key}'");
        }
    }

    private async Task SyncAsync(int device)
    {
        // What is written between the stages and the push is of the next run.
        var intrudes = _dice.Next(4) == 0;
        Flush(device);
        _remotes.ForEach(r => r.BeforePush = () =>
        {
            if (intrudes)
            {
                intrudes = false;
                Edit(device);
            }
        });
        await _devices[device].TrySyncAsync();
        _remotes.ForEach(r => r.BeforePush = null);

        if (!_devices[device].Store.EngineSession.Outbox.HasWork())
        {
            Flush(device); // A second round has taken it up.
        }
    }

    private void Flush(int device)
    {
        foreach (var (key, row) in _pending[device])
        {
            foreach (var (field, value) in row.Fields.Where(f => f.Key != "?"))
            {
                Tell(key, field, row.At, value);
            }

            foreach (var field in row.Fields.ContainsKey("?") ? ["title", "body", "secret", "there"] : Array.Empty<string>())
            {
                Tell(key, field, row.At, null);
            }
        }

        _pending[device].Clear();
    }

    private void Tell(string key, string field, long at, string? value)
    {
        // A row that is made again with a NULL where there was one has not changed it: what others wrote meanwhile may stand.
        var isKnown = _truth.TryGetValue((key, field), out var known);
        if (isKnown && at < known.At)
        {
            return;
        }

        if (value is null)
        {
            _unclear.Add((key, field));
        }
        else
        {
            _unclear.Remove((key, field));
        }

        _truth[(key, field)] = (Math.Max(at, known.At), value);
    }

    private async Task EndAsync()
    {
        await _devices[2].GiveKeysAsync(_ring);
        foreach (var remote in _remotes)
        {
            (remote.IsDown, remote.LosesNextAnswer, remote.Shuffles) = (false, false, false);
        }

        await QuietAsync();
        var expected = _devices[0].Rows();
        Assert.All(_devices, d => Assert.Equal(expected, d.Rows()));
        Assert.All(_devices, d => Assert.Empty(d.Several.ReadQuarantine()));
        if (!hasOthers)
        {
            CheckTruth();
        }

        CheckRemotes();
        await CheckAgainAsync(expected);
    }

    private async Task QuietAsync()
    {
        for (var round = 0; round < 15; round++)
        {
            var isIdle = true;
            for (var i = 0; i < 3; i++)
            {
                Flush(i);
                isIdle &= (await _devices[i].SyncAsync()).Outcome == SyncOutcome.Idle;
            }

            if (isIdle)
            {
                return;
            }
        }

        Assert.Fail($"Seed {seed}: not quiet after 15 rounds.");
    }

    // I7: what was written last stands.
    private void CheckTruth()
    {
        foreach (var key in _tags.Keys.Where(k => !_everDeleted.Contains(k)))
        {
            var n = _devices[0].Scalar($"SELECT coalesce(n, 0) FROM note WHERE id = '{key}'").AsInteger;
            Assert.True(n == _counted.GetValueOrDefault(key) || _made[key] > 1, $"Seed {seed}: {n} was counted in {key}, and it was {_counted.GetValueOrDefault(key)}.");
            // Of two that made the row, the greater number counts.
            var text = _devices[0].Scalar($"SELECT coalesce(tags, '[]') FROM note WHERE id = '{key}'").AsText;
            var tags = JsonSerializer.Deserialize<List<string>>(text)!;
            Assert.True(tags.Count == _tags[key].Count && _tags[key].SetEquals(tags), $"Seed {seed}: {key} has the items {text}, and was given {string.Join(',', _tags[key])}.");
        }

        foreach (var ((key, field), (_, value)) in _truth.Where(t => !_unclear.Contains(t.Key)))
        {
            var isThere = _devices[0].Scalar($"SELECT count(*) FROM note WHERE id = '{key}'").AsInteger != 0;
            if (field == "there")
            {
                Assert.True(isThere == (value == "1"), $"Seed {seed}: {key} is {(isThere ? "there" : "gone")}.");
            }
            else if (isThere && !_unclear.Contains((key, "there")))
            {
                var stands = _devices[0].Scalar($"SELECT {field} FROM note WHERE id = '{key}'");
                Assert.True((stands.IsNull ? null : stands.AsText) == value, $"Seed {seed}: {key}.{field} is {stands}, {value} was written last.");
            }
        }
    }

    // I7 and I9, I12: every remote shows what the devices hold, encrypted where it is to be.
    private void CheckRemotes()
    {
        var device = _devices[0];
        foreach (var remote in _remotes)
        {
            foreach (var (id, json) in remote.Rows().Where(r => r.Key.StartsWith("note", StringComparison.Ordinal)))
            {
                using var row = JsonDocument.Parse(json);
                var key = JsonSerializer.Deserialize<string>(id["note".Length..])!;
                var title = device.Scalar($"SELECT title FROM note WHERE id = '{key}'");
                if (title.Kind == Model.Values.ValueKind.Text)
                {
                    Assert.Equal(title.AsText, row.RootElement.GetProperty("title").GetString());
                }

                Assert.True(!row.RootElement.TryGetProperty("secret", out var secret) || secret.GetString() is not { } text || text.Length > 80, "plain");
            }
        }
    }

    // I5, I6: once more, and everything once more from the start, changes nothing and sends nothing.
    private async Task CheckAgainAsync(List<string> expected)
    {
        var writes = _remotes.Sum(r => r.Writes);
        foreach (var remote in _remotes)
        {
            remote.Forget();
        }

        foreach (var device in _devices)
        {
            var before = States(device);
            await device.SyncAsync();
            await device.SyncAsync();
            Assert.Equal(expected, device.Rows());
            Assert.Equal(before, States(device));
        }

        Assert.Equal(writes, _remotes.Sum(r => r.Writes));
    }

    private sealed class ShiftedTime(TimeProvider time, TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => time.GetUtcNow() + by;

        public override long GetTimestamp() => time.GetTimestamp();
    }

    private static List<string> States(JoinDevice device)
    {
        var book = new JoinBook(device.Store.EngineSession);
        return [.. book.ReadAllOf(device.Store.Model.Get("note")).Select(r => Convert.ToHexString(RowStateJson.Write(r)))];
    }
}
