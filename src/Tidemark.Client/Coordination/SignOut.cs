using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;

namespace Tidemark.Client.Coordination;

/// <summary>What becomes of changes that wait when somebody signs out.</summary>
public enum SignOutChoice
{
    /// <summary>With changes waiting nobody is signed out: the app asks its user, and calls again with the answer.</summary>
    Ask,

    /// <summary>They are sent first; what cannot be sent now keeps the user signed in.</summary>
    PushFirst,

    /// <summary>They stay in the file, which stays this user's: the next sign-in of the same user sends them.</summary>
    Keep,

    /// <summary>They are taken back, dead letters included, each with a record that is kept in the file (`conflicts` lists them) and from which it can be brought back.</summary>
    Discard,
}

/// <summary>What a sign-out came to. Nothing was dropped without a record in any case.</summary>
/// <param name="IsSignedOut">The service is stopped and will ask the server again who is signed in.</param>
/// <param name="Pending">Changes that wait in the file.</param>
/// <param name="DeadLetters">Commands that need a person.</param>
/// <param name="Push">The run that was to send them; null when there was none.</param>
public sealed record SignOutReport(bool IsSignedOut, long Pending, long DeadLetters, SyncReport? Push)
{
    /// <summary>What was taken back, on <see cref="SignOutChoice.Discard"/>; null otherwise.</summary>
    public DiscardReport? Discarded { get; init; }
}

/// <summary>The step of signing out that waits for runs of other processes.</summary>
internal static class SignOut
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public static async Task<DiscardReport> DiscardAsync(LocalStore store, SyncOptions options, SyncEnvironment environment, CancellationToken cancellationToken)
    {
        var started = environment.Time.GetTimestamp();
        while (true)
        {
            try
            {
                return await store.DiscardWaitingAsync("Discarded when its user signed out.", cancellationToken).ConfigureAwait(false);
            }
            catch (SyncException e) when (e.Code == SyncErrorCode.AlreadyRunning && environment.Time.GetElapsedTime(started) < options.LockWait)
            {
                await environment.DelayAsync(Pause, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
