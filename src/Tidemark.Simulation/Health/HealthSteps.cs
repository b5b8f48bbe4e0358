using System.Text;
using Tidemark.Health.Sources;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Simulation.Clock;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Health;

/// <summary>What happens to a body, its phones and their network, one decision at a time.</summary>
internal sealed class HealthSteps(HealthRun run, Dice dice)
{
    private static readonly TimeSpan ForegroundAtLatest = TimeSpan.FromHours(20);
    private static readonly TimeSpan AwayAtMost = TimeSpan.FromHours(9);
    private static readonly string[] Activities = ["Cycling", "Rowing", "Running", "Yoga"];
    private static readonly HealthOrigin Watch = new() { Source = "Watch" };
    private readonly Dictionary<HealthPhone, long> _offlineSince = [];
    private long _awaySince;
    private int _made;

    public void Next()
    {
        Chores();
        var phone = dice.Pick(run.Phones);
        run.Figures.IsNetworkThere = !run.IsAway && phone.Network.IsOnline;
        switch (dice.Below(114))
        {
            case < 50:
                Measure(phone, dice.Between(1, 12), isTold: true);
                break;
            case < 54:
                Measure(phone, dice.Between(150, 900), isTold: true); // A watch that was away comes back.
                break;
            case < 58:
                Measure(phone, dice.Between(1, 5), isTold: false);
                break;
            case < 64:
                Correct(phone);
                break;
            case < 71:
                Delete(phone, isTold: dice.Chance(0.7));
                break;
            case < 78:
                phone.EnterForeground();
                phone.TakeRows();
                break;
            case < 82:
                phone.Network.Set(isOnline: !phone.Network.IsOnline);
                _offlineSince[phone] = run.Scheduler.Now;
                run.Met("offline");
                break;
            case < 85:
                run.IsAway = !run.IsAway;
                _awaySince = run.Scheduler.Now;
                run.Met("server away");
                break;
            case < 88:
                run.Loss = dice.Pick([0.0, 0.02, 0.05]);
                break;
            case < 94:
                phone.IsDoomed = true;
                break;
            case < 97:
                run.Backend.IsDoomed = true;
                break;
            case < 99:
                run.Backend.HoldLease();
                run.Met("lease held");
                break;
            case < 102:
                phone.Trouble = dice.Pick([StoreTrouble.Full, StoreTrouble.Busy, StoreTrouble.IoError]);
                break;
            case < 104:
                phone.Forget();
                run.Met("anchors expire");
                break;
            case < 110:
                phone.IsDoomed |= dice.Chance(0.3);
                phone.TakeRows();
                break;
            default:
                phone.Source.Troubles.Enqueue(dice.Chance(0.6)
                    ? new HealthSourceException(HealthSourceTrouble.StoreLocked, "The phone is locked.")
                    : new HealthSourceException(HealthSourceTrouble.RateLimited, "Too many questions.", TimeSpan.FromMinutes(5)));
                run.Met("locked");
                break;
        }
    }

    // Windows that are due, and what a person does every day.
    private void Chores()
    {
        var now = run.Scheduler.Now;
        run.IsAway &= now - _awaySince <= AwayAtMost.Ticks;
        foreach (var phone in run.Phones.Where(p => now - _offlineSince.GetValueOrDefault(p) > AwayAtMost.Ticks))
        {
            phone.Network.Set(isOnline: true);
        }

        foreach (var phone in run.Phones)
        {
            run.Figures.IsNetworkThere = !run.IsAway && phone.Network.IsOnline;
            if (phone.Window <= now && dice.Chance(0.8))
            {
                phone.OpenWindow(TimeSpan.FromSeconds(dice.Pick([5, 30, 180])));
            }

            if (now - phone.LastForeground > ForegroundAtLatest.Ticks)
            {
                phone.EnterForeground();
            }
        }
    }

    private void Measure(HealthPhone phone, int count, bool isTold)
    {
        var type = dice.Pick(HealthRun.Types);
        var now = phone.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        count = type is HealthTypes.Ecg or HealthTypes.Workout ? Math.Min(count, 3) : count;
        var samples = new List<HealthSample>();
        for (var i = 0; i < count; i++)
        {
            // A resting heart rate is written up to two days after it began; what no anchor tells of is found among the last three days alone.
            var back = isTold && type == "RestingHeartRate" ? dice.Below(48 * 3_600_000) : dice.Below(3_600_000);
            samples.Add(Make(type, now - back - 60_000));
        }

        foreach (var sample in samples)
        {
            run.Truth.Put(sample);
            run.Figures.Made(sample, run.Scheduler.Now, isTold && run.Figures.IsNetworkThere);
            if (isTold)
            {
                phone.Source.Add(sample);
            }
            else
            {
                phone.Source.Hide(sample);
            }
        }

        run.Edits += count;
        if (dice.Chance(0.3))
        {
            TellOthers(phone, other => samples.ForEach(s => Tell(other, s)), static _ => true);
        }

        if (isTold)
        {
            Announce(phone, type);
        }
    }

    private void Correct(HealthPhone phone)
    {
        if (Known(phone, long.MinValue) is not { } sample)
        {
            return;
        }

        var corrected = Make(sample.Type, sample.StartMs, sample.Id, sample.Version + 1);
        run.Truth.Put(corrected);
        run.Figures.Made(corrected, run.Scheduler.Now, isAnnounced: false);
        phone.Source.Add(corrected);
        TellOthers(phone, other => Tell(other, corrected), other => other.Source.Knows(sample.Id));
        Announce(phone, sample.Type);
    }

    private void Delete(HealthPhone phone, bool isTold)
    {
        var recent = phone.Clock.GetUtcNow().ToUnixTimeMilliseconds() - (20 * 3_600_000L);
        if (Known(phone, isTold ? long.MinValue : recent) is not { } sample)
        {
            return;
        }

        run.Truth.Delete(sample);
        if (isTold || sample.Type == HealthTypes.Workout) // Rows are made of what anchors tell of.
        {
            phone.Source.Delete(sample);
            Announce(phone, sample.Type);
        }
        else
        {
            phone.Source.Vanish(sample);
        }

        TellOthers(phone, other => other.Source.Delete(sample), other => other.Source.Knows(sample.Id));
    }

    // As it is now in truth: a phone that has not heard of a correction does not correct.
    private HealthSample? Known(HealthPhone phone, long sinceMs)
    {
        var known = phone.Source.Living.Where(s => s.StartMs > sinceMs && run.Truth.Holds(s)).OrderBy(s => s.Id).ToList();
        if (dice.Chance(0.25) && known.FindAll(s => s.Type == HealthTypes.Workout) is { Count: > 0 } workouts)
        {
            known = workouts;
        }

        run.Edits += known.Count > 0 ? 1 : 0;
        return known.Count > 0 ? dice.Pick(known) : null;
    }

    private void Announce(HealthPhone phone, string type)
    {
        if (dice.Chance(0.95))
        {
            phone.Announce(type);
        }
    }

    // One body's samples come and go in one order on all its phones: who hears of one that is gone or corrected meanwhile hears of both.
    private void Tell(HealthPhone phone, HealthSample sample)
    {
        phone.Source.Add(sample);
        if (!run.Truth.Lives(sample.Id))
        {
            phone.Source.Delete(sample);
        }
        else if (!run.Truth.Holds(sample))
        {
            phone.Source.Add(run.Truth.Last(sample.Id));
        }
    }

    private void TellOthers(HealthPhone phone, Action<HealthPhone> tell, Func<HealthPhone, bool> concerns)
    {
        foreach (var other in run.Phones.Where(p => p != phone && concerns(p)))
        {
            run.ArriveLater(() => tell(other));
        }
    }

    private HealthSample MakeEcg(long startMs, Guid id, long version)
    {
        var waveform = new byte[500 + dice.Below(4000)];
        dice.Fill(waveform);
        return new HealthSample
        {
            Id = id,
            Version = version,
            Kind = HealthKind.Ecg,
            Type = HealthTypes.Ecg,
            StartMs = startMs,
            EndMs = startMs + 30_000,
            Category = "SinusRhythm",
            Origin = Watch,
            Extra = new RawJson(Encoding.UTF8.GetBytes($"{{\"sampleRate\":512,\"waveform\":\"{Convert.ToBase64String(waveform)}\"}}")),
        };
    }

    private HealthSample Make(string type, long startMs, Guid? id = null, long version = 0)
    {
        Span<byte> bytes = stackalloc byte[16];
        dice.Fill(bytes);
        if (type == HealthTypes.Ecg)
        {
            return MakeEcg(startMs, id ?? new Guid(bytes, bigEndian: true), version);
        }

        if (type == HealthTypes.Workout)
        {
            return new HealthSample { Id = id ?? new Guid(bytes, bigEndian: true), Version = version, Kind = HealthKind.Workout, Type = type, StartMs = startMs, EndMs = startMs + 30_000, Category = dice.Pick(Activities), Origin = Watch };
        }

        return new HealthSample
        {
            Id = id ?? new Guid(bytes, bigEndian: true),
            Version = version,
            Kind = HealthKind.Quantity,
            Type = type,
            StartMs = startMs,
            EndMs = startMs + 30_000,
            Value = 40 + (++_made % 1000),
            Unit = HealthTypes.Find(type)!.Unit,
            Origin = Watch,
        };
    }
}
