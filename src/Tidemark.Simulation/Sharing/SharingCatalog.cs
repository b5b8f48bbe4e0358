using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Sharing;

/// <summary>
/// Public rows, and files in place of pages. One device edits the catalog, every row of it each time; what the server has behind each push is a version, and every file has one whole version.
/// Apps bring catalog files along, newer and older ones; newcomers fetch files while others push; own rows refer to public ones.
/// </summary>
internal sealed class SharingCatalog(SharingRun run, string folder, Dice dice)
{
    public const string Space = "c:foods";
    private const int NewcomersMax = 3;
    private readonly List<Dictionary<string, string>> _versions = [[]]; // the public rows of each
    private readonly List<string> _shipped = [];
    private readonly HashSet<(string Device, string Id)> _meddled = []; // public rows that a reader has changed
    private readonly HashSet<(string Device, string Id)> _kept = []; // public rows that are gone, and that own rows referred to
    private int _edition;
    private int _names;
    private int _newcomers;
    private bool _isMeanwhile;

    /// <summary>Has the editor heard of it? A server without a model is not backed up: nobody would give it one again.</summary>
    public bool IsMade => Editor.Holds(Space);

    private SharingDevice Editor => run.Devices[0];

    public void Make() => run.Server(Editor.User, (server, caller) => server.MakeSpaceAsync(caller, new SpaceRequest { Space = Space, Name = "Foods" }, default), isAdministrator: true);

    public void Next(SharingDevice device)
    {
        switch (dice.Below(12))
        {
            case < 3:
                Publish();
                break;
            case 3:
                Ship();
                break;
            case 4 or 5:
                Install(device, isKilled: dice.Chance(0.3));
                break;
            case 6:
                Newcomer();
                break;
            case 7 or 8:
                MakeMeal(device);
                break;
            case 9:
                ChangeMeal(device);
                break;
            case 10:
                MakeFood(device);
                break;
            default:
                Meddle(device);
                break;
        }
    }

    /// <summary>What happens to others, or to the file itself, while a request of a device is on its way; null: nothing.</summary>
    public Action? Meanwhile(SharingDevice device, string path)
    {
        var isSnapshot = path.Contains("snapshot", StringComparison.Ordinal) || path.StartsWith("/catalog/", StringComparison.Ordinal);
        if (run.Calm || _isMeanwhile || !dice.Chance(isSnapshot ? 0.5 : 0.03))
        {
            return null;
        }

        var other = dice.Pick(run.Devices);
        var installs = dice.Chance(0.3);
        return other == device && !installs ? null : () =>
        {
            _isMeanwhile = true;
            try
            {
                if (installs)
                {
                    run.Met("catalog-mid-run");
                    Install(device, isKilled: false);
                }
                else
                {
                    run.Met("pushed-mid-run");
                    Push(other);
                }
            }
            finally
            {
                _isMeanwhile = false;
            }
        };
    }

    /// <summary>A new edition: some rows come, one goes, all are of it.</summary>
    public void Publish()
    {
        if (!IsMade)
        {
            return;
        }

        _edition++;
        var unused = Editor.Read($"SELECT id FROM food WHERE space = '{Space}' AND id NOT IN (SELECT food_id FROM meal) ORDER BY id");
        List<string> statements = unused.Count > 3 ? [$"DELETE FROM food WHERE id = '{dice.Pick(unused)[0].AsText}'"] : [];
        for (var more = dice.Below(3) + (unused.Count < 3 ? 2 : 0); more > 0; more--)
        {
            var id = NextName("F");
            statements.Add($"INSERT INTO food(id, name, space) VALUES('{id}', '{id}', '{Space}')");
        }

        Editor.WriteAll(statements.Append(FormattableString.Invariant($"UPDATE food SET edition = {_edition} WHERE space = '{Space}'")));
        run.Say(Editor.Name, FormattableString.Invariant($"makes edition {_edition}: {string.Join(", ", Public(Editor))}"));
        run.Edits++;
    }

    /// <summary>Rows of the catalog that own rows refer to: they may outlive their edition.</summary>
    public static HashSet<string> References(SharingDevice device) =>
        device.Read("SELECT DISTINCT food_id FROM meal").Select(r => r[0].AsText).ToHashSet(StringComparer.Ordinal);

    /// <summary>What the server has behind a push.</summary>
    public void Note(IEnumerable<(string Space, string Id, string Line)> rows)
    {
        var version = rows.Where(r => r.Space == Space).ToDictionary(r => r.Id, r => r.Line, StringComparer.Ordinal);
        if (version.Count != _versions[^1].Count || version.Any(r => _versions[^1].GetValueOrDefault(r.Key) != r.Value))
        {
            _versions.Add(version);
        }
    }

    /// <summary>One whole version, and beside it only what own rows refer to, or did when the run began. Not on the editor's file, and not before a device has heard of a restore.</summary>
    public void CheckWhole(SharingDevice device, HashSet<string> referred)
    {
        if (device == Editor || run.IsAway(device))
        {
            return;
        }

        var rows = device.Read($"SELECT id, line FROM ({run.Lines("''")}) WHERE id IN (SELECT id FROM food WHERE space = '{Space}')").ToDictionary(r => r[0].AsText, r => r[1].AsText, StringComparer.Ordinal);
        referred.UnionWith(References(device));
        var refused = device.DeadLetters().Select(l => l.Key.Trim('"')).ToHashSet(StringComparer.Ordinal); // A person is asked about these.
        if (_versions.FindLast(v => v.All(r => rows.GetValueOrDefault(r.Key) == r.Value || IsMeddled(r.Key)) && rows.Keys.All(id => v.ContainsKey(id) || IsMeddled(id) || referred.Contains(id) || _kept.Contains((device.Name, id)))) is not { } whole)
        {
            run.Violate("whole catalog", $"{device.Name} has no version of the catalog: {string.Join(", ", rows.Values.Order(StringComparer.Ordinal))}; own rows refer to {string.Join(", ", referred.Order(StringComparer.Ordinal))}");
            return;
        }

        _kept.UnionWith(rows.Keys.Where(id => !whole.ContainsKey(id) && referred.Contains(id)).Select(id => (device.Name, id)));

        bool IsMeddled(string id) => _meddled.Contains((device.Name, id)) || refused.Contains(id);
    }

    /// <summary>Edits of public rows were discarded.</summary>
    public void Settled() => _meddled.Clear();

    private static List<string> Public(SharingDevice device) =>
        device.Read($"SELECT id FROM food WHERE space = '{Space}' ORDER BY id").ConvertAll(r => r[0].AsText);

    private void Ship()
    {
        if (IsMade && !run.IsAway(Editor) && run.Server(Editor.User, (server, caller) => server.SnapshotFileAsync(caller, Space, default)) is { Path: { } path })
        {
            var file = Path.Combine(folder, FormattableString.Invariant($"foods-{_shipped.Count}.catalog"));
            FileSet.Copy(path, file);
            _shipped.Add(file);
            run.Say("server", "its catalog is exported");
        }
    }

    private void Install(SharingDevice device, bool isKilled)
    {
        if (_shipped.Count == 0 || device == Editor)
        {
            return;
        }

        var which = dice.Below(_shipped.Count);
        var (own, referred) = (Own(device), References(device));
        try
        {
            var rows = device.Install(_shipped[which], isKilled);
            run.Say(device.Name, $"brings in catalog file {which}: {(rows is { } count ? FormattableString.Invariant($"{count} rows") : "is killed over it")}");
        }
        catch (StoreException e)
        {
            run.Say(device.Name, $"cannot bring in catalog file {which}: {e.Trouble}");
        }

        if (!own.SequenceEqual(Own(device), StringComparer.Ordinal))
        {
            run.Violate("own rows", $"{device.Name} has other rows of its own since it brought in a catalog file: {string.Join(", ", own.Except(Own(device), StringComparer.Ordinal))} are gone");
        }

        CheckWhole(device, referred);
    }

    private List<string> Own(SharingDevice device) => [.. device.Read($"SELECT line FROM ({run.Lines("''")}) WHERE id NOT IN (SELECT id FROM food WHERE space = '{Space}') ORDER BY 1").Select(r => r[0].AsText)];

    private void Push(SharingDevice device)
    {
        if (device == Editor)
        {
            Publish();
        }
        else
        {
            MakeFood(device);
        }

        run.Sync(device, isKilled: false);
    }

    private void Newcomer()
    {
        if (_newcomers++ < NewcomersMax)
        {
            var device = run.Join(_shipped.Count > 0 && dice.Chance(0.4) ? [dice.Pick(_shipped)] : []);
            run.Say(device.Name, $"is a new device of {device.User}");
            CheckWhole(device, []);
            run.Sync(device, isKilled: dice.Chance(0.2));
        }
    }

    private void MakeMeal(SharingDevice device)
    {
        var (lists, foods) = (device.Read("SELECT id FROM list ORDER BY id"), Public(device));
        if (lists.Count > 0 && foods.Count > 0)
        {
            var (id, list) = (NextName(device.Name + "m"), dice.Pick(lists)[0].AsText);
            device.Write("INSERT INTO meal(id, list_id, food_id, title) VALUES(?1, ?2, ?3, ?1)", Value.Text(id), Value.Text(list), Value.Text(dice.Pick(foods)));
            run.Truth.Note(new MadeRow(id, run.Truth.Find(list)!.Space, device.Name, list));
            run.Say(device.Name, $"makes meal {id} in list {list}");
            run.Edits++;
        }
    }

    private void ChangeMeal(SharingDevice device)
    {
        var (meals, foods) = (device.Read("SELECT id FROM meal ORDER BY id"), Public(device));
        if (meals.Count == 0 || foods.Count == 0)
        {
            return;
        }

        var meal = dice.Pick(meals)[0];
        if (dice.Chance(0.3))
        {
            device.Write("DELETE FROM meal WHERE id = ?1", meal);
            run.Truth.Deleted(meal.AsText);
            run.Say(device.Name, $"deletes meal {meal}");
        }
        else
        {
            device.Write("UPDATE meal SET food_id = ?2 WHERE id = ?1", meal, Value.Text(dice.Pick(foods)));
            run.Say(device.Name, $"has meal {meal} refer to another food");
        }

        run.Edits++;
    }

    private void MakeFood(SharingDevice device)
    {
        var id = NextName(device.Name + "f");
        device.Write("INSERT INTO food(id, name) VALUES(?1, ?1)", Value.Text(id));
        run.Truth.Note(new MadeRow(id, SpaceNames.OwnPrefix + device.User, device.Name, null));
        run.Say(device.Name, $"makes food {id} of his own");
        run.Edits++;
    }

    // A reader changes what is everybody's: refused, and discarded in the end.
    private void Meddle(SharingDevice device)
    {
        var foods = Public(device);
        if (foods.Count > 0 && device != Editor && dice.Chance(0.3))
        {
            var id = dice.Pick(foods);
            device.Write("UPDATE food SET name = 'mine' WHERE id = ?1", Value.Text(id));
            _meddled.Add((device.Name, id));
            run.Say(device.Name, $"changes the public food {id}");
            run.Edits++;
        }
    }

    private string NextName(string prefix) => FormattableString.Invariant($"{prefix}{++_names:d3}");
}
