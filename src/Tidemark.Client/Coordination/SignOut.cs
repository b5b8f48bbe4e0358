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
}

/// <summary>What a sign-out came to. Nothing was dropped in any case.</summary>
/// <param name="IsSignedOut">The service is stopped and will ask the server again who is signed in.</param>
/// <param name="Pending">Changes that wait in the file.</param>
/// <param name="DeadLetters">Commands that need a person.</param>
/// <param name="Push">The run that was to send them; null when there was none.</param>
public sealed record SignOutReport(bool IsSignedOut, long Pending, long DeadLetters, SyncReport? Push);
