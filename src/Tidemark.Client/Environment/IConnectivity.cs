namespace Tidemark.Client.Environment;

/// <summary>What the network and the power are like now; told by the platform, or by the app that knows better.</summary>
public interface IConnectivity
{
    /// <summary>Is there a network at all? When in doubt: yes.</summary>
    bool IsOnline { get; }

    /// <summary>Does the network cost money by the byte?</summary>
    bool IsMetered { get; }

    /// <summary>Is the device on mains power, or is its battery no concern?</summary>
    bool HasPower { get; }

    /// <summary>Raised after any of it has changed, on any thread.</summary>
    event EventHandler? Changed;
}
