namespace Tidemark.Client.Coordination.Announcing;

/// <summary>
/// Tells listeners, on the synchronization context it was made on where there was one. One at a time and in order; a listener that throws stops neither the run nor the other listeners' turn.
/// </summary>
internal sealed class Announcer(Action<Exception> failed)
{
    private readonly SynchronizationContext? _context = SynchronizationContext.Current;
    private readonly Queue<Action> _waiting = new();
    private bool _isTelling;

    public void Post(Action tell)
    {
        lock (_waiting)
        {
            _waiting.Enqueue(tell);
            if (_isTelling)
            {
                return;
            }

            _isTelling = true;
        }

        if (_context is null)
        {
            TellAll();
        }
        else
        {
            _context.Post(static a => ((Announcer)a!).TellAll(), this);
        }
    }

    private void TellAll()
    {
        while (true)
        {
            Action tell;
            lock (_waiting)
            {
                if (!_waiting.TryDequeue(out tell!))
                {
                    _isTelling = false;
                    return;
                }
            }

            try
            {
                tell();
            }
#pragma warning disable CA1031 // a listener's fault is not the run's
            catch (Exception e)
#pragma warning restore CA1031
            {
                failed(e);
            }
        }
    }
}
