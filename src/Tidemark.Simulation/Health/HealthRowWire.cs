using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Network;

namespace Tidemark.Simulation.Health;

/// <summary>The way of the app's rows to the server, which is away when it is for samples.</summary>
internal sealed class HealthRowWire(HealthRun run, Dice dice) : WorldWire(run, dice)
{
    protected override WireReply? Handle(WireRequest request) => run.IsAway ? null : run.Backend.Handle(request);
}
