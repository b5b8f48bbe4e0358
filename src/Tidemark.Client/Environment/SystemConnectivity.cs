using System.Net.NetworkInformation;

namespace Tidemark.Client.Environment;

/// <summary>The operating system's word on the network. It knows nothing of cost and power: then neither holds anything back.</summary>
internal sealed class SystemConnectivity : IConnectivity
{
    private readonly Lock _lock = new();
    private EventHandler? _changed;

    public static SystemConnectivity Instance { get; } = new();

    public bool IsOnline => NetworkInterface.GetIsNetworkAvailable();

    public bool IsMetered => false;

    public bool HasPower => true;

    // The system is listened to only while somebody listens here.
    public event EventHandler? Changed
    {
        add
        {
            lock (_lock)
            {
                if (_changed is null)
                {
                    NetworkChange.NetworkAvailabilityChanged += Available;
                    NetworkChange.NetworkAddressChanged += Address;
                }

                _changed += value;
            }
        }
        remove
        {
            lock (_lock)
            {
                var before = _changed;
                _changed -= value;
                if (before is not null && _changed is null)
                {
                    NetworkChange.NetworkAvailabilityChanged -= Available;
                    NetworkChange.NetworkAddressChanged -= Address;
                }
            }
        }
    }

    private void Available(object? sender, NetworkAvailabilityEventArgs e) => _changed?.Invoke(this, EventArgs.Empty);

    private void Address(object? sender, EventArgs e) => _changed?.Invoke(this, EventArgs.Empty);
}
