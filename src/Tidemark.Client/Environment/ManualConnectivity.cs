namespace Tidemark.Client.Environment;

/// <summary>Connectivity that an app feeds from what its platform tells it.</summary>
public sealed class ManualConnectivity : IConnectivity
{
    public bool IsOnline { get; private set; } = true;

    public bool IsMetered { get; private set; }

    public bool HasPower { get; private set; } = true;

    public event EventHandler? Changed;

    /// <summary>Tells what is so from now on; what is null stays as it was.</summary>
    public void Set(bool? isOnline = null, bool? isMetered = null, bool? hasPower = null)
    {
        var before = (IsOnline, IsMetered, HasPower);
        (IsOnline, IsMetered, HasPower) = (isOnline ?? IsOnline, isMetered ?? IsMetered, hasPower ?? HasPower);
        if (before != (IsOnline, IsMetered, HasPower))
        {
            Changed?.Invoke(this, EventArgs.Empty);
        }
    }
}
