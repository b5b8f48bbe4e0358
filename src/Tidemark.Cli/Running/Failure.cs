using System.Net.Sockets;
using Tidemark.Client.Errors;
using Tidemark.Model.Entities;
using Tidemark.Sqlite;

namespace Tidemark.Cli.Running;

/// <summary>A failure as it is shown: exit code, code, message.</summary>
internal sealed record Failure(ExitCode ExitCode, string Code, string Message, string? Detail = null)
{
    /// <summary>The one place that turns exceptions into exit codes.</summary>
    public static Failure Of(Exception exception, CancellationToken cancellationToken) => exception switch
    {
        VerbException e => new Failure(e.ExitCode, e.Code, e.Message),
        OperationCanceledException when cancellationToken.IsCancellationRequested => new Failure(ExitCode.Failed, "STOPPED", "Stopped before it was done. Nothing is lost; run it again to go on."),
        ModelException e => new Failure(ExitCode.Failed, "MODEL_INVALID", e.Message),
        SyncException e => new Failure(ExitOf(e.Code), e.WireCode ?? SyncErrorCodes.NameOf(e.Code), e.Message),
        StoreException e => new Failure(ExitCode.Failed, NameOf(e.Trouble.ToString()), e.Message),
        HttpRequestException e => new Failure(ExitCode.Unreachable, "NETWORK_ERROR", $"The server cannot be reached: {e.Message}"),
        SocketException e => new Failure(ExitCode.Unreachable, "NETWORK_ERROR", $"The network failed: {e.Message}"),
        FileNotFoundException or DirectoryNotFoundException => new Failure(ExitCode.Failed, "NOT_FOUND", exception.Message),
        UnauthorizedAccessException e => new Failure(ExitCode.Failed, "ACCESS_DENIED", e.Message),
        IOException e => new Failure(ExitCode.Failed, "IO_ERROR", e.Message),
        _ => new Failure(ExitCode.Failed, "UNEXPECTED", $"This should not happen: {exception.Message}", exception.ToString()),
    };

    public static ExitCode ExitOf(SyncErrorCode code) => code switch
    {
        SyncErrorCode.AuthFailed or SyncErrorCode.WrongUser or SyncErrorCode.DeviceRevoked => ExitCode.Authentication,
        SyncErrorCode.NetworkError or SyncErrorCode.InvalidResponse or SyncErrorCode.ServerUnavailable or SyncErrorCode.RateLimited => ExitCode.Unreachable,
        _ => ExitCode.Failed,
    };

    // NotADatabase -> NOT_A_DATABASE
    private static string NameOf(string pascal) =>
        string.Concat(pascal.Select((c, i) => i > 0 && char.IsUpper(c) ? "_" + c : char.ToUpperInvariant(c).ToString()));
}
