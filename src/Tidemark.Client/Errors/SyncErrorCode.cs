namespace Tidemark.Client.Errors;

/// <summary>What kind of trouble a sync met. `docs/errors` lists cause and cure of each.</summary>
public enum SyncErrorCode
{
    /// <summary>No answer: no network, no server, or a time-out. Retryable.</summary>
    NetworkError,

    /// <summary>Something answered that is not a Tidemark server: HTML, another protocol, a body cut off. Retryable.</summary>
    InvalidResponse,

    /// <summary>Too many requests; wait as long as the server asks. Retryable.</summary>
    RateLimited,

    /// <summary>The server cannot answer now. Retryable.</summary>
    ServerUnavailable,

    /// <summary>Token missing, wrong or expired, or the user may not do this.</summary>
    AuthFailed,

    /// <summary>This file holds another user's data.</summary>
    WrongUser,

    /// <summary>This device was revoked.</summary>
    DeviceRevoked,

    /// <summary>There is no such space, or it is not this user's.</summary>
    SpaceNotFound,

    /// <summary>The server's model does not fit this device's.</summary>
    ModelMismatch,

    /// <summary>The server does not know this device's position; the engine resyncs in the same run.</summary>
    ResyncRequired,

    /// <summary>Another copy of this file has pushed; the engine takes a new store id in the same run.</summary>
    StoreForked,

    /// <summary>The server refused the request as malformed.</summary>
    BadRequest,

    /// <summary>A required parent could not be resolved.</summary>
    FkResolutionFailed,

    /// <summary>The apply would have left an orphan on a required relation.</summary>
    IntegrityViolation,

    /// <summary>The integrity check could not run: integrity unknown.</summary>
    IntegrityCheckFailed,

    /// <summary>The run would delete more rows than allowed without a question.</summary>
    DeleteLimit,

    /// <summary>Another process or instance is syncing this file. Retryable.</summary>
    AlreadyRunning,

    /// <summary>The run lost its lock to another process. Retryable.</summary>
    RunLockLost,

    /// <summary>The server's admission for bulk work was lost. Retryable.</summary>
    LeaseLost,

    /// <summary>Not everything was fetched once: what compares with synced rows has to wait.</summary>
    NotFetched,

    /// <summary>The local file is in trouble: damaged, read-only, full, busy.</summary>
    Store,

    /// <summary>The file's tables do not fit the model.</summary>
    SchemaMismatch,

    /// <summary>The caller cancelled.</summary>
    Cancelled,

    /// <summary>A fault of the engine itself; please report it.</summary>
    Internal,
}
