using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Merging;

/// <summary>One row on a server and on two to six devices that edit, push and pull it in any order, under all policies at once.</summary>
public sealed class ConvergenceTests
{
    private static readonly string[] States = ["draft", "active", "done"];

    private static readonly EntityType Note = new()
    {
        Name = "notes",
        Fields =
        [
            new Field { Name = "id", Nullable = false },
            new Field { Name = "last", Policy = FieldPolicy.LastWriterWins },
            new Field { Name = "local", Policy = FieldPolicy.LocalWins },
            new Field { Name = "server", Policy = FieldPolicy.ServerWins },
            new Field { Name = "x" },
            new Field { Name = "y" },
            new Field { Name = "clock", Type = FieldType.Integer, Policy = FieldPolicy.Monotonic },
            new Field { Name = "clocked", Clock = "clock" },
            new Field { Name = "state", Type = FieldType.Text, Policy = FieldPolicy.Monotonic, States = States },
            new Field { Name = "count", Type = FieldType.Integer, Policy = FieldPolicy.Counter },
            new Field { Name = "tags", Type = FieldType.Json, Policy = FieldPolicy.MergeArrays },
            new Field { Name = "parts", Type = FieldType.Json, Policy = FieldPolicy.MergeArrays, ArrayKey = "id" },
            new Field { Name = "meta", Type = FieldType.Json, Policy = FieldPolicy.MergeObject },
            new Field { Name = "body", Type = FieldType.Text, Policy = FieldPolicy.Text },
            new Field { Name = "derived", ServerDerived = true },
        ],
        Key = ["id"],
        Relations = [new Relation { Fields = ["x", "y"], Target = "places" }],
    };

    private static readonly EntityType Custom = Note with { Name = "custom", CustomMerge = "greater" };

    private static readonly MergeContext Context = new()
    {
        Now = DateTimeOffset.UnixEpoch,
        Merges = new CustomMergeRegistry().Add("greater", i => CustomMergeResult.Of(ValueOrder.Compare(i.Type.Fields[1], i.Local["last"], i.Remote["last"]) > 0 ? i.Local : i.Remote)),
    };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("req", "CON-10")]
    [Trait("req", "CON-02")]
    public void All_devices_end_equal_whatever_the_order_of_edits_pushes_and_pulls(bool custom)
    {
        var history = from devices in Gen.Choose(2, 6)
                      from steps in (from device in Gen.Choose(0, devices - 1)
                                     from action in Gen.Choose(0, 4)
                                     from field in Gen.Choose(1, Note.Fields.Count - 1)
                                     from value in Gen.Choose(0, 9)
                                     select new Step(device, action, field, value)).ListOf()
                      select new History(devices, [.. steps]);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(500).WithEndSize(120), Prop.ForAll(Arb.From(history, Shrunk), h =>
        {
            var world = new World(custom ? Custom : Note, h.Devices);
            foreach (var step in h.Steps)
            {
                world.Do(step);
            }

            for (var round = 0; round < 2; round++)
            {
                for (var device = 0; device < h.Devices; device++)
                {
                    world.Sync(device);
                }
            }

            world.AssertEqual();
            if (!custom)
            {
                world.AssertNothingLost();
            }
        }));
    }

    [Fact]
    [Trait("req", "CON-10")]
    public void What_the_guide_calls_commutative_is()
    {
        Commutes("clock", 0, 1, 2);
        Commutes("state", 0, 1, 2);
        Commutes("count", 0, 1, 2);
        Commutes("tags", 0, 1, 2);

        // And what it does not call so is decided by the order of the two.
        Assert.All(["last", "local", "server", "body"], f => Assert.NotEqual(Merged(f, 0, 1, 2), Merged(f, 0, 2, 1)));
    }

    private static void Commutes(string field, int was, int mine, int theirs) =>
        Assert.Equal(Sorted(Merged(field, was, mine, theirs)), Sorted(Merged(field, was, theirs, mine)));

    private static string Sorted(Value value) => value.Kind == ValueKind.Text && value.AsText.StartsWith('[') ? string.Concat(value.AsText.Order()) : value.ToString();

    private static Value Merged(string field, int was, int mine, int theirs)
    {
        var ordinal = Note.OrdinalOf(field);
        var start = World.Start(Note);
        return EntityMerger.Merge(Note, start.With(ordinal, World.ValueOf(Note.Fields[ordinal], was)), start.With(ordinal, World.ValueOf(Note.Fields[ordinal], mine)), start.With(ordinal, World.ValueOf(Note.Fields[ordinal], theirs)), Context).Merged[ordinal];
    }

    private static IEnumerable<History> Shrunk(History history)
    {
        for (var length = history.Steps.Length / 2; length > 0; length /= 2)
        {
            for (var at = 0; at + length <= history.Steps.Length; at += length)
            {
                yield return history with { Steps = [.. history.Steps[..at], .. history.Steps[(at + length)..]] };
            }
        }
    }

    private sealed record Step(int Device, int Action, int Field, int Value);

    private sealed record History(int Devices, Step[] Steps)
    {
        public override string ToString() =>
            $"{Devices} devices: " + string.Join("; ", Steps.Select(s => s.Action switch { 0 or 1 or 4 => $"{s.Device} sets {Note.Fields[s.Field].Name} {s.Value}", 2 => $"{s.Device} pushes", _ => $"{s.Device} pulls" }));
    }

    private sealed class World
    {
        private readonly EntityType _type;
        private readonly (Row Base, Row Live, int Version)[] _devices;
        private (Row Row, int Version) _server;
        private long _counted;
        private int _greatest;
        private int _latestState;
        private readonly HashSet<string> _added = new(StringComparer.Ordinal);

        public World(EntityType type, int devices)
        {
            _type = type;
            _server = (Start(type), 1);
            _devices = [.. Enumerable.Repeat((_server.Row, _server.Row, 1), devices)];
        }

        public static Row Start(EntityType type) => new(type, [.. type.Fields.Select(f => ValueOf(f, 0))]);

        public static Value ValueOf(Field field, int value) => field.Name switch
        {
            "state" => Value.Text(States[value % 3]),
            "tags" => Value.Text(value == 0 ? "[]" : $"[\"t{value}\"]"),
            "parts" => Value.Text(value == 0 ? "[]" : $$"""[{"id":{{value % 3}},"n":{{value}}}]"""),
            "meta" => Value.Text(value == 0 ? "{}" : $$"""{"m{{value % 3}}":{{value}}}"""),
            "body" => Value.Text(value == 0 ? "line" : $"line\nand {value}"),
            _ => Value.Integer(value),
        };

        public void Do(Step step)
        {
            switch (step.Action)
            {
                case 0 or 1 or 4:
                    Edit(step.Device, _type.Fields[step.Field], step.Field, step.Value);
                    break;
                case 2:
                    Push(step.Device);
                    break;
                default:
                    Pull(step.Device);
                    break;
            }
        }

        public void Sync(int device)
        {
            Push(device);
            Pull(device);
            Push(device);
        }

        public void AssertEqual() =>
            Assert.All(_devices, d =>
            {
                Assert.True(_server.Row.SameAs(d.Live));
                Assert.True(_server.Row.SameAs(d.Base));
            });

        /// <summary>What the policies promise whatever the order was.</summary>
        public void AssertNothingLost()
        {
            Assert.Equal(_counted, _server.Row["count"].AsInteger);
            Assert.Equal(_greatest, _server.Row["clock"].AsInteger);
            Assert.Equal(States[_latestState], _server.Row["state"].AsText);
            Assert.All(_added, tag => Assert.Contains(tag, _server.Row["tags"].AsText, StringComparison.Ordinal));
            Assert.Equal(0, _server.Row["derived"].AsInteger);
        }

        // Counters move by an amount and tags are only added, so that what must come out is known without knowing the order.
        private void Edit(int device, Field field, int ordinal, int value)
        {
            var live = _devices[device].Live;
            switch (field.Name)
            {
                case "count":
                    _counted += value - 4;
                    _devices[device].Live = live.With(ordinal, Value.Integer(live[ordinal].AsInteger + value - 4));
                    return;
                case "tags":
                    var tag = $"\"{device}-{value}\"";
                    _added.Add(tag);
                    var tags = live[ordinal].AsText;
                    _devices[device].Live = tags.Contains(tag, StringComparison.Ordinal) ? live : live.With(ordinal, Value.Text(tags == "[]" ? $"[{tag}]" : tags.Insert(1, tag + ",")));
                    return;
                case "clock" or "state":
                    // A value that goes back may never be seen by anybody else; one that goes on must be.
                    if (ValueOrder.Compare(field, ValueOf(field, value), live[ordinal]) > 0)
                    {
                        _greatest = field.Name == "clock" ? Math.Max(_greatest, value) : _greatest;
                        _latestState = field.Name == "state" ? Math.Max(_latestState, value % 3) : _latestState;
                        _devices[device].Live = live.With(ordinal, ValueOf(field, value));
                    }

                    return;
                default:
                    _devices[device].Live = live.With(ordinal, ValueOf(field, value));
                    return;
            }
        }

        // Accepted only on the version it was made on; a conflict is merged like a pull and stays pending. What is derived is never sent.
        private void Push(int device)
        {
            var (was, live, version) = _devices[device];
            var derived = _type.OrdinalOf("derived");
            if (was.DifferenceTo(live.With(derived, was[derived])) is not { } difference)
            {
                _devices[device].Live = live.With(derived, was[derived]);
                return;
            }

            if (version != _server.Version)
            {
                Pull(device);
                return;
            }

            _server = (EntityMerger.Held(_server.Row, _server.Row.Patched(difference)), _server.Version + 1);
            _devices[device] = (_server.Row, _server.Row, _server.Version);
        }

        private void Pull(int device)
        {
            var (was, live, _) = _devices[device];
            _devices[device] = (_server.Row, EntityMerger.Merge(_type, was, live, _server.Row, Context).Merged, _server.Version);
        }
    }
}
