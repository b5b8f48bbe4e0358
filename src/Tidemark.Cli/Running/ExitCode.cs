namespace Tidemark.Cli.Running;

/// <summary>Fixed, because people script them.</summary>
internal enum ExitCode
{
    Done = 0,
    Failed = 1,
    Usage = 2,

    /// <summary>Done, but something needs a person: dead letters, manual conflicts.</summary>
    NeedsYou = 3,
    Authentication = 4,

    /// <summary>No network, or no server behind it.</summary>
    Unreachable = 5,
}
