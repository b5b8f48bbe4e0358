using Tidemark.Model.Values;

namespace Tidemark.Server.PostgreSql.Connections;

/// <summary>Pushes of one node into one space wait here for each other, not each on a connection of the pool.</summary>
internal sealed class SpaceTurns
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SpaceId, (SemaphoreSlim Gate, int Users)> _gates = [];

    public async ValueTask<IDisposable> TakeAsync(SpaceId space, CancellationToken cancellationToken)
    {
        SemaphoreSlim gate;
        lock (_lock)
        {
            var (found, users) = _gates.TryGetValue(space, out var there) ? there : (new SemaphoreSlim(1, 1), 0);
            _gates[space] = (gate = found, users + 1);
        }

        try
        {
            await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
            return new Turn(this, space, gate);
        }
        catch
        {
            Leave(space);
            throw;
        }
    }

    private void Leave(SpaceId space)
    {
        lock (_lock)
        {
            var (gate, users) = _gates[space];
            if (users == 1)
            {
                _gates.Remove(space);
                gate.Dispose();
            }
            else
            {
                _gates[space] = (gate, users - 1);
            }
        }
    }

    private sealed class Turn(SpaceTurns turns, SpaceId space, SemaphoreSlim gate) : IDisposable
    {
        private int _given;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _given, 1) == 0)
            {
                gate.Release();
                turns.Leave(space);
            }
        }
    }
}
