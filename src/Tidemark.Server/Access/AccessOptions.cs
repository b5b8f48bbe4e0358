namespace Tidemark.Server.Access;

/// <summary>Who is let in, beyond what the token says.</summary>
public sealed class AccessOptions
{
    /// <summary>Devices of one user that are not revoked. Default: 1,000.</summary>
    public int DevicesPerUserMax { get; init; } = 1000;

    /// <summary>Commands of one user in an hour, all nodes together; known from the database, so that no node can be asked for more. 0 (default): any number.</summary>
    public int CommandsPerHourMax { get; init; }

    /// <summary>How often a live connection is looked at again beside being told of a revocation. Default: 5 minutes.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long it is known what a device has told of its dead letters when it does not come again. Default: 90 days.</summary>
    public TimeSpan DeadLettersKept { get; init; } = TimeSpan.FromDays(90);

    internal IEnumerable<string> Faults()
    {
        if (DeadLettersKept <= TimeSpan.Zero)
        {
            yield return "Access.DeadLettersKept must be longer than zero.";
        }

        if (DevicesPerUserMax < 1 || CommandsPerHourMax < 0 || LookEvery < TimeSpan.FromSeconds(1))
        {
            yield return "Access needs DevicesPerUserMax of at least 1, CommandsPerHourMax not below 0, LookEvery of at least a second.";
        }
    }
}
