using Tidemark.Model.Values;
using Tidemark.Server.Leases;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Tests.Leases;

/// <summary>Who is admitted, without any store or clock.</summary>
[Trait("req", "SRV-08")]
[Trait("req", "RUN-04")]
public sealed class LeaseRulesTests
{
    private static readonly LeaseOptions Options = new() { LeasesMax = 2, WaitersMax = 5, TimeMs = 1000, RetryMinMs = 100, RetryMaxMs = 300, GraceMs = 50 };
    private readonly LeaseRules _rules = new(Options);
    private List<StoredLease> _book = [];
    private long _now = 1_000_000;

    [Fact]
    public void Places_are_given_until_there_are_no_more_and_the_next_is_told_when_to_ask()
    {
        Assert.NotNull(Ask("ann", "a1").Lease);
        Assert.NotNull(Ask("ann", "a2").Lease);
        Assert.Equal(new LeaseAnswer(null, 100), Ask("ben", "b1"));
        Assert.Equal(new LeaseAnswer(null, 200), Ask("cid", "c1"));
        Assert.Equal(new LeaseAnswer(null, 300), Ask("dan", "d1"));
        Assert.Equal(new LeaseAnswer(null, 300), Ask("eve", "e1"));
    }

    [Fact]
    public void A_device_that_asks_again_gets_the_same_lease()
    {
        var first = Ask("ann", "a1").Lease!;
        _now += 900;
        var again = Ask("ann", "a1").Lease!;
        Assert.Equal(first.Id, again.Id);
        Assert.Equal(_now + 1000, again.Expires);
        Assert.Single(_book, l => l.State == LeaseState.Held);
    }

    [Fact]
    public void A_lease_runs_out_at_its_time_and_not_before_and_is_lost_then()
    {
        var lease = Ask("ann", "a1").Lease!;
        _now += 999;
        Assert.True(LeaseRules.IsHeld(_book, lease.Id, lease.User, _now));
        _now += 1;
        Assert.False(LeaseRules.IsHeld(_book, lease.Id, lease.User, _now));
        Assert.Null(Renew(lease));
        Assert.NotEqual(lease.Id, Ask("ann", "a1").Lease!.Id);
    }

    [Fact]
    public void Renewal_holds_it_for_its_time_from_then_and_nobody_else_can()
    {
        var lease = Ask("ann", "a1").Lease!;
        _now += 900;
        Assert.Null(Renew(lease with { User = new UserId("ben") }));
        Assert.Equal(_now + 1000, Renew(lease)!.Expires);
        _now += 900;
        Assert.True(LeaseRules.IsHeld(_book, lease.Id, lease.User, _now));
        Assert.False(LeaseRules.IsHeld(_book, lease.Id, new UserId("ben"), _now));
    }

    [Fact]
    public void A_released_place_goes_to_who_waited_longest()
    {
        var first = Ask("ann", "a1").Lease!;
        Ask("ann", "a2");
        Ask("ben", "b1");
        Ask("cid", "c1");
        Release(first);
        Release(first); // Once more does no harm.
        Assert.Null(Ask("cid", "c1").Lease); // It is ben's turn.
        Assert.NotNull(Ask("ben", "b1").Lease);
    }

    [Fact]
    public void A_waiter_that_does_not_come_back_gives_its_place_up()
    {
        var first = Ask("ann", "a1").Lease!;
        Ask("ann", "a2");
        Ask("ben", "b1");
        Ask("cid", "c1");
        Release(first);
        _now += 151; // Past what ben was told, and the grace.
        Assert.NotNull(Ask("cid", "c1").Lease);
    }

    [Fact]
    public void A_full_list_of_waiters_takes_no_more_and_keeps_those_it_has()
    {
        Ask("ann", "a1");
        Ask("ann", "a2");
        for (var i = 0; i < 5; i++)
        {
            Ask("u" + i, "d");
        }

        Assert.Equal(new LeaseAnswer(null, 300), Ask("late", "d"));
        Assert.Equal(5, _book.Count(l => l.State == LeaseState.Waiting));
        Assert.DoesNotContain(_book, l => l.User.Value == "late");
        Assert.Equal(new LeaseAnswer(null, 100), Ask("u0", "d"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void A_user_with_many_devices_takes_turns_with_one_who_has_one(int places)
    {
        var rules = new LeaseRules(new LeaseOptions { LeasesMax = places, TimeMs = 1000, RetryMinMs = 10, RetryMaxMs = 50, GraceMs = 100 });
        var asking = Enumerable.Range(0, 40).Select(i => (User: "many", Device: "m" + i)).Append((User: "one", Device: "o")).ToArray();
        var served = new Dictionary<string, int>(StringComparer.Ordinal);
        var held = new Queue<StoredLease>();
        var withoutOne = 0;
        for (var round = 0; round < 400; round++)
        {
            // The many always ask first; the oldest lease ends before the next round.
            foreach (var (user, device) in asking)
            {
                if (held.Any(l => l.Device == device))
                {
                    continue;
                }

                (_book, var answer) = rules.Ask(_book, new UserId(user), device, Guid.CreateVersion7, ++_now);
                if (answer.Lease is { } lease)
                {
                    held.Enqueue(lease);
                    served[user] = served.GetValueOrDefault(user) + 1;
                    withoutOne = user == "one" ? 0 : withoutOne + 1;
                }
            }

            Assert.InRange(held.Count, 1, places);
            Assert.InRange(withoutOne, 0, places + 1);
            Release(held.Dequeue());
        }

        Assert.True(served["one"] * (places + 2) >= served["many"], $"{served["one"]} of one, {served["many"]} of many");
    }

    // Each asks a moment after the other, so that the order of asking is told.
    private LeaseAnswer Ask(string user, string device)
    {
        _now++;
        (_book, var answer) = _rules.Ask(_book, new UserId(user), device, Guid.CreateVersion7, _now);
        return answer;
    }

    private StoredLease? Renew(StoredLease lease)
    {
        (_book, var renewed) = _rules.Renew(_book, lease.Id, lease.User, _now);
        return renewed;
    }

    private void Release(StoredLease lease) => (_book, _) = LeaseRules.Release(_book, lease.Id, lease.User, _now);
}
