namespace Tidemark.Simulation.Checkers;

/// <summary>
/// Holds one promise against a history. It is given every observation in order and calls out when the promise is broken.
/// Later parts add theirs to <see cref="AllCheckers.Make"/>.
/// </summary>
internal interface IChecker
{
    string Name { get; }

    void Observe(Observation seen, Action<string> violation);
}
