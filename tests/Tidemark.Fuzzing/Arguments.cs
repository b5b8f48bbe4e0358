using System.Globalization;

namespace Tidemark.Fuzzing;

/// <summary>What the command line asks for.</summary>
public sealed record Arguments
{
    /// <summary>For each target. Default: 10.</summary>
    public int Seconds { get; init; } = 10;

    public int Seed { get; init; } = 1;

    /// <summary>All targets when empty.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>New shapes go into the corpus of the checkout.</summary>
    public bool Keep { get; init; }

    public bool Child { get; init; }

    public string? Replay { get; init; }

    public static Arguments Parse(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        var parsed = new Arguments();
        for (var i = 0; i < args.Length; i++)
        {
            string Next() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value.", nameof(args));
            parsed = args[i] switch
            {
                "--seconds" => parsed with { Seconds = int.Parse(Next(), CultureInfo.InvariantCulture) },
                "--seed" => parsed with { Seed = int.Parse(Next(), CultureInfo.InvariantCulture) },
                "--only" => parsed with { Only = Known(Next().Split(',')) },
                "--replay" => parsed with { Replay = Next() },
                "--keep" => parsed with { Keep = true },
                "--child" => parsed with { Child = true },
                _ => throw new ArgumentException($"Unknown: {args[i]}. Usage: Tidemark.Fuzzing [--seconds N] [--only TARGET[,TARGET]] [--seed N] [--keep] [--only TARGET --replay FILE]", nameof(args)),
            };
        }

        return parsed;
    }

    private static string[] Known(string[] names) =>
        names.FirstOrDefault(n => !Targets.All.ContainsKey(n)) is { } unknown
            ? throw new ArgumentException($"There is no target {unknown}. The targets are {string.Join(", ", Targets.All.Keys)}.", nameof(names))
            : names;
}
