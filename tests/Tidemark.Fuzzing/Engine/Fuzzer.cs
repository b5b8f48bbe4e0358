using System.Diagnostics;

namespace Tidemark.Fuzzing.Engine;

/// <summary>Runs one target: first everything kept, then variations of what was new, until time or count is up.</summary>
public sealed class Fuzzer(IFuzzTarget target, int seed)
{
    private const int PoolMax = 3000;
    private const int InputBytesMax = 64 * 1024;
    private const int FindingsMax = 40;

    private readonly FuzzDice _dice = new(seed);
    private readonly List<byte[]> _pool = [];
    private readonly HashSet<string> _shapes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Finding> _findings = new(StringComparer.Ordinal);
    private long _executions;

    /// <summary>Is told of every input before it is run: what a crashed process leaves behind.</summary>
    public Action<byte[]> Before { get; init; } = _ => { };

    /// <summary>Is told of every input that ended in a new way, and how.</summary>
    public Action<string, byte[]> OnNew { get; init; } = (_, _) => { };

    public FuzzReport Run(IEnumerable<byte[]> kept, TimeSpan time, long executionsMax = long.MaxValue)
    {
        var watch = Stopwatch.StartNew();
        foreach (var input in target.Seeds.Concat(kept))
        {
            _pool.Add(input);
            Execute(input);
        }

        while (watch.Elapsed < time && _executions < executionsMax && _findings.Count < FindingsMax)
        {
            Execute(Next());
        }

        return new FuzzReport(target.Name, _executions, watch.Elapsed, _shapes.Count, [.. _findings.Values]);
    }

    private byte[] Next()
    {
        if (_dice.Chance(20) && target.Make(_dice) is { } made)
        {
            return made;
        }

        // The newest shapes are tried most: they are the least searched.
        var at = _dice.Chance(50) ? _dice.Next(_pool.Count) : _pool.Count - 1 - _dice.Next(Math.Min(50, _pool.Count));
        var input = _pool[at];
        for (var rounds = 1 + _dice.Next(4); rounds > 0; rounds--)
        {
            input = target.Vary(input, _pool[_dice.Next(_pool.Count)], _dice);
        }

        return input.Length <= InputBytesMax ? input : input[..InputBytesMax];
    }

    private void Execute(byte[] input)
    {
        Before(input);
        _executions++;
        string shape;
        try
        {
            shape = target.Run(input);
        }
        catch (Exception e)
        {
            shape = "FINDING " + Shapes.Of(e);
            _findings.TryAdd(shape, new Finding(shape, e.ToString(), input));
        }

        if (_shapes.Add(shape))
        {
            OnNew(shape, input);
            if (_pool.Count < PoolMax)
            {
                _pool.Add(input);
            }
            else
            {
                _pool[_dice.Next(PoolMax)] = input;
            }
        }
    }
}
