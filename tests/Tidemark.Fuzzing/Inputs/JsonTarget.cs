using Tidemark.Fuzzing.Engine;

namespace Tidemark.Fuzzing.Inputs;

/// <summary>A target whose inputs are JSON.</summary>
public abstract class JsonTarget : IFuzzTarget
{
    public abstract string Name { get; }

    public abstract IReadOnlyList<byte[]> Seeds { get; }

    public virtual byte[]? Make(FuzzDice dice) => null;

    public virtual byte[] Vary(byte[] input, byte[] other, FuzzDice dice) => JsonVariations.Vary(input, other, dice, FuzzModel.Names);

    public abstract string Run(byte[] input);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    protected static void Hold(bool holds, string property)
    {
        if (!holds)
        {
            throw new FindingException(property);
        }
    }
}
