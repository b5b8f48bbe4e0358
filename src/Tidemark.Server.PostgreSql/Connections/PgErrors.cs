using System.Net.Sockets;
using Npgsql;
using Tidemark.Model.Protocol;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Connections;

/// <summary>The one place that knows SQLSTATEs.</summary>
internal static class PgErrors
{
    private const string Detail = "The server's storage cannot answer now.";

    /// <summary>Runs work of which nothing stays when it fails: what may go well the next time says so.</summary>
    public static async ValueTask<T> GuardAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (Exception e) when (IsOfTheEngine(e))
        {
            throw Translate(e);
        }
    }

    /// <summary>Runs a commit: when the connection is lost on the way, nobody knows whether it was made, so it is not for the server to do it again.</summary>
    public static async ValueTask GuardCommitAsync(Func<Task> commit)
    {
        try
        {
            await commit().ConfigureAwait(false);
        }
        catch (Exception e) when (IsOfTheEngine(e))
        {
            throw e is PostgresException { SqlState: var state } && !IsLostConnection(state)
                ? Translate(e)
                : Refused(ErrorCodes.Unavailable, "The connection to the storage was lost while a request was committed; send it again to learn what became of it.", e);
        }
    }

    private static bool IsOfTheEngine(Exception e) => e is NpgsqlException or SocketException or IOException or TimeoutException or ObjectDisposedException or InvalidOperationException { Source: "Npgsql" };

    private static ServerException Translate(Exception e) => e switch
    {
        PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.UniqueViolation } => Transient(e),
        PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } => Transient(e), // a node that is a standby now
        PostgresException { SqlState: var state } when IsLostConnection(state) => Transient(e),
        PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } => Refused(ErrorCodes.Unavailable, "The storage took too long for this request.", e),
        PostgresException { SqlState: PostgresErrorCodes.ProgramLimitExceeded or PostgresErrorCodes.TooManyColumns } => new ServerException(Problems.Describe(ErrorCodes.RowTooWide, "The row does not fit a page of the server's storage; split the entity type."), e),
        PostgresException => Refused(ErrorCodes.Unavailable, Detail, e),
        _ => Transient(e),
    };

    private static TransientStoreException Transient(Exception e) => new(Detail, e) { Cause = CauseOf(e) };

    private static ServerException Refused(string code, string detail, Exception e) => new(Problems.Describe(code, detail), e) { Cause = CauseOf(e) };

    // What PostgreSQL says may quote a row; its code does not.
    private static string CauseOf(Exception e) => e is PostgresException { SqlState: var state } ? $"SQLSTATE {state}" : e.Message;

    // Class 08, and what a server that stops, starts or has no place left says.
    private static bool IsLostConnection(string state) =>
        state.StartsWith("08", StringComparison.Ordinal)
        || state is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.TooManyConnections or "25P03";
}
