namespace Tidemark.Fuzzing.Engine;

/// <summary>
/// One place where bytes from outside are read. <see cref="Run"/> returns what came of an input when that is one of the outcomes
/// the place promises; whatever it throws is a finding.
/// </summary>
public interface IFuzzTarget : IDisposable
{
    string Name { get; }

    /// <summary>What the search begins with: valid inputs and near ones.</summary>
    IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>An input made from nothing; null when only seeds are varied.</summary>
    byte[]? Make(FuzzDice dice);

    /// <summary>A variation of an input that fits its form.</summary>
    byte[] Vary(byte[] input, byte[] other, FuzzDice dice);

    /// <summary>The shape of the outcome, without the values that differ from input to input.</summary>
    string Run(byte[] input);
}

/// <summary>A property that does not hold. The message says which.</summary>
public sealed class FindingException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What was done and found.</summary>
public sealed record FuzzReport(string Target, long Executions, TimeSpan Time, int Shapes, IReadOnlyList<Finding> Findings);

/// <summary>One input that broke a promise, with the first line of what it met.</summary>
public sealed record Finding(string Key, string Message, byte[] Input);
