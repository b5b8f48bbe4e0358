using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Network;

/// <summary>What becomes of one request.</summary>
internal enum Fate
{
    Fine,

    /// <summary>It never arrives; the device is told at once, or waits until it gives up.</summary>
    DropRequest,

    /// <summary>The server does it; the answer never arrives.</summary>
    DropResponse,

    /// <summary>Everything is slow, also slower than a device waits.</summary>
    Delay,

    /// <summary>It arrives twice, the second time up to a day later.</summary>
    Duplicate,

    /// <summary>The device gives up; the request arrives long after.</summary>
    ArriveLate,

    /// <summary>The answer ends in the middle.</summary>
    CutBody,

    /// <summary>Something in between answers with a page for people.</summary>
    Html,
    Unavailable,
    TooManyRequests,
    Unauthorized,
}

/// <summary>A time in which a device's requests, or those to one path alone, may meet one fate.</summary>
internal sealed record WeatherSpell(Fate Fate, long Until, double Chance, Dice Dice, string? Path = null);

/// <summary>The network as one device meets it.</summary>
internal sealed class Weather
{
    private readonly List<WeatherSpell> _spells = [];

    public void Add(WeatherSpell spell) => _spells.Add(spell);

    public void Clear() => _spells.Clear();

    /// <summary>The fate of a request now, and the dice of the spell that decided it.</summary>
    public (Fate Fate, Dice? Dice) Next(long now, string path)
    {
        _spells.RemoveAll(s => s.Until <= now);
        foreach (var spell in _spells.Where(s => s.Path is null || string.Equals(s.Path, path, StringComparison.Ordinal)))
        {
            if (spell.Dice.Chance(spell.Chance))
            {
                return (spell.Fate, spell.Dice);
            }
        }

        return (Fate.Fine, null);
    }
}
