namespace Tidemark.Health.Sync;

/// <summary>On what occasion data was sent.</summary>
public enum HealthPhase
{
    /// <summary>Right after it was captured.</summary>
    Immediate,
    Foreground,
    Background,
}

/// <summary>One attempt to send data, for the app's own records (HLT-17).</summary>
public sealed record HealthEvent
{
    /// <summary>immediate_success, background_failed and so on: <see cref="Phase"/> and <see cref="Success"/> in one word, as the plan names them.</summary>
    public string Name => (Phase, Success) switch
    {
        (HealthPhase.Immediate, true) => "immediate_success",
        (HealthPhase.Immediate, false) => "immediate_failed",
        (HealthPhase.Foreground, true) => "foreground_success",
        (HealthPhase.Foreground, false) => "foreground_failed",
        (HealthPhase.Background, true) => "background_success",
        _ => "background_failed",
    };

    public required HealthPhase Phase { get; init; }

    /// <summary>The type; null for a batch of several.</summary>
    public string? Type { get; init; }

    public required int Count { get; init; }

    public required TimeSpan Duration { get; init; }

    /// <summary>Tries after the first.</summary>
    public required int Retries { get; init; }

    public required bool Success { get; init; }

    /// <summary>What was not sent waits in the queue.</summary>
    public required bool Queued { get; init; }

    public required DateTimeOffset At { get; init; }
}

/// <summary>Where events go; given by the app. Called on the thread that sends: it must not wait.</summary>
public delegate void HealthEventSink(HealthEvent happened);
