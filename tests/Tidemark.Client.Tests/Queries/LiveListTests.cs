using System.Collections.Concurrent;
using System.Collections.Specialized;
using FsCheck;
using FsCheck.Fluent;
using Tidemark.Client.Queries;
using Tidemark.Client.Tests.Support;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Queries;

[Trait("req", "STO-12")]
public sealed class LiveListTests
{
    private sealed record Item(int Id, int Content);

    private sealed record Note(string Id, string? Title);

    [Fact]
    public void Any_list_becomes_any_other_with_the_fewest_steps()
    {
        var lists = Gen.Choose(0, 30).Two().Select(x => (x.Item1, x.Item2)).ArrayOf().Select(pairs => pairs.DistinctBy(p => p.Item1).Select(p => new Item(p.Item1, p.Item2 % 3)).ToList());
        Prop.ForAll(lists.Two().ToArbitrary(), both => Check(both.Item1, both.Item2)).QuickCheckThrowOnFailure();
    }

    [Fact]
    public async Task The_list_follows_on_its_context_with_single_steps()
    {
        await using var w = new Watching(Schemas.Notes + "INSERT INTO note(id, title) VALUES('a', '1'), ('b', '2'), ('c', '3');");
        var context = new PumpedContext();
        var steps = new List<NotifyCollectionChangedEventArgs>();
        var list = context.Run(() => w.Store.ToLiveList(
            c => c.Query("SELECT id, title FROM note ORDER BY title").ConvertAll(r => new Note(r[0].AsText, r[1].ToString())),
            n => n.Id));
        list.CollectionChanged += (_, e) =>
        {
            Assert.Equal(context.PumpThread, System.Environment.CurrentManagedThreadId);
            steps.Add(e);
        };
        context.PumpUntil(() => list.Ready.IsCompletedSuccessfully);
        steps.Clear();
        await w.WriteAsync("UPDATE note SET title = '9' WHERE id = 'a'");
        context.PumpUntil(() => list[2].Id == "a" && list[2].Title == "9");
        Assert.Equal([NotifyCollectionChangedAction.Move, NotifyCollectionChangedAction.Replace], steps.Select(s => s.Action));
        steps.Clear();
        await w.WriteAsync("DELETE FROM note WHERE id = 'b'");
        context.PumpUntil(() => list.Count == 2);
        await w.WriteAsync("INSERT INTO note(id, title) VALUES('d', '0')");
        context.PumpUntil(() => list.Count == 3);
        Assert.Equal([(NotifyCollectionChangedAction.Remove, -1), (NotifyCollectionChangedAction.Add, 0)], steps.Select(s => (s.Action, s.NewStartingIndex)));
        await list.DisposeAsync();
    }

    private static bool Check(List<Item> from, List<Item> to)
    {
        var mirror = from.ToList();
        var steps = 0;
        foreach (var step in ListSteps.Apply(from.ToList(), to, i => i.Id))
        {
            steps++;
            switch (step.Kind)
            {
                case ListStepKind.Insert:
                    mirror.Insert(step.Index, step.Item);
                    break;
                case ListStepKind.Remove:
                    mirror.RemoveAt(step.Index);
                    break;
                case ListStepKind.Move:
                    var item = mirror[step.From];
                    mirror.RemoveAt(step.From);
                    mirror.Insert(step.Index, item);
                    break;
                case ListStepKind.Replace:
                    mirror[step.Index] = step.Item;
                    break;
            }
        }

        var stay = from.Where(f => to.Exists(t => t.Id == f.Id)).ToList();
        var order = stay.ConvertAll(s => to.FindIndex(t => t.Id == s.Id));
        var fewest = (from.Count - stay.Count) + (to.Count - stay.Count) + (stay.Count - LongestRising(order)) + stay.Count(s => to.First(t => t.Id == s.Id) != s);
        return mirror.SequenceEqual(to) && steps <= fewest;
    }

    private static int LongestRising(List<int> values)
    {
        var best = new int[values.Count];
        for (var i = 0; i < values.Count; i++)
        {
            best[i] = 1 + Enumerable.Range(0, i).Where(j => values[j] < values[i]).Select(j => best[j]).DefaultIfEmpty(0).Max();
        }

        return best.DefaultIfEmpty(0).Max();
    }

    /// <summary>A user interface's thread: what is posted runs where it is pumped.</summary>
    private sealed class PumpedContext : SynchronizationContext
    {
        private readonly BlockingCollection<(SendOrPostCallback, object?)> _posted = [];

        /// <summary>The thread that pumps just now.</summary>
        public int PumpThread { get; private set; }

        public override void Post(SendOrPostCallback d, object? state) => _posted.Add((d, state));

        public T Run<T>(Func<T> work)
        {
            var before = Current;
            SetSynchronizationContext(this);
            try
            {
                return work();
            }
            finally
            {
                SetSynchronizationContext(before);
            }
        }

        public void PumpUntil(Func<bool> isReached)
        {
            PumpThread = System.Environment.CurrentManagedThreadId;
            while (!isReached())
            {
                if (_posted.TryTake(out var call, 20))
                {
                    call.Item1(call.Item2);
                }

                Assert.True(_deadline > DateTime.UtcNow, "The list did not get there in time.");
            }
        }

        private readonly DateTime _deadline = DateTime.UtcNow + Watching.Deadline;
    }
}
