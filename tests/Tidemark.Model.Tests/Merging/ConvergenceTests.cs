using FsCheck;
using FsCheck.Fluent;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Xunit;

namespace Tidemark.Model.Tests.Merging;

/// <summary>One row on a server and on several devices that edit, push and pull it in any order.</summary>
public sealed class ConvergenceTests
{
    private const int Devices = 3;

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
        ],
        Key = ["id"],
        Relations = [new Relation { Fields = ["x", "y"], Target = "places" }],
    };

    [Fact]
    [Trait("req", "CON-10")]
    public void All_devices_end_equal_whatever_the_order_of_edits_pushes_and_pulls()
    {
        var step = from device in Gen.Choose(0, Devices - 1)
                   from action in Gen.Choose(0, 3)
                   from field in Gen.Choose(1, Note.Fields.Count - 1)
                   from value in Gen.Choose(0, 9)
                   select (device, action, field, value);
        Prop.ForAll(step.ListOf().ToArbitrary(), steps =>
        {
            var world = new World();
            foreach (var (device, action, field, value) in steps)
            {
                world.Do(device, action, field, value);
            }

            for (var round = 0; round < 2; round++)
            {
                for (var device = 0; device < Devices; device++)
                {
                    world.Sync(device);
                }
            }

            world.AssertEqual();
        }).QuickCheckThrowOnFailure();
    }

    private sealed class World
    {
        private static readonly MergeContext Context = new() { Now = DateTimeOffset.UnixEpoch };
        private readonly (Row Base, Row Live, int Version)[] _devices;
        private (Row Row, int Version) _server;

        public World()
        {
            _server = (new Row(Note, [.. Enumerable.Repeat(Value.Integer(0), Note.Fields.Count)]), 1);
            _devices = [.. Enumerable.Repeat((_server.Row, _server.Row, 1), Devices)];
        }

        public void Do(int device, int action, int field, int value)
        {
            switch (action)
            {
                case 0 or 1:
                    _devices[device].Live = _devices[device].Live.With(field, Value.Integer(value));
                    break;
                case 2:
                    Push(device);
                    break;
                default:
                    Pull(device);
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

        // Accepted only on the version it was made on; a conflict is merged like a pull and stays pending.
        private void Push(int device)
        {
            var (was, live, version) = _devices[device];
            if (was.DifferenceTo(live) is not { } difference)
            {
                return;
            }

            if (version != _server.Version)
            {
                Pull(device);
                return;
            }

            _server = (_server.Row.Patched(difference), _server.Version + 1);
            _devices[device] = (_server.Row, _server.Row, _server.Version);
        }

        private void Pull(int device)
        {
            var (was, live, _) = _devices[device];
            _devices[device] = (_server.Row, EntityMerger.Merge(Note, was, live, _server.Row, Context).Merged, _server.Version);
        }
    }
}
