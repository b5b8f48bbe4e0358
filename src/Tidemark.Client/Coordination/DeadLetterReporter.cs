using System.Text.Json;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Coordination;

/// <summary>
/// Tells the server's operator of dead letters: how many, of which types, with which codes. After a run, when it is something else than what was told last, and once a
/// week while there are any, because the server forgets who does not come. A run never fails by it.
/// </summary>
internal sealed class DeadLetterReporter(LocalStore store, SyncEnvironment environment)
{
    // What was told last, where, and in which week; of several remotes each has its own.
    private const string ToldKey = "dead_letters_told";
    private const long WeekMs = 7L * 24 * 3600 * 1000;

    private StoreConnection Db => store.EngineSession.Db;

    private MetaRepository Meta => new(Db);

    /// <summary>The one server of a file.</summary>
    public Task TellAsync(IDeadLetterReports remote, long deadLetters, CancellationToken cancellationToken) => TellAsync(
        remote,
        () => (Meta.Text(ToldKey), $"{store.User}\n{store.EngineSession.Remotes.Read().Epoch}"),
        () => deadLetters == 0 ? [] : Read(
            "SELECT t.name, c.last_code, count(*), min(c.state_updated_at_ms) FROM _tm_command c JOIN _tm_type t ON t.n = c.type JOIN _tm_context x ON x.id = c.ctx WHERE c.status = 'DEAD_LETTER' AND x.user = ?1 AND c.last_code IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?2",
            Value.Text(store.User ?? ""), Value.Integer(DeadLetterReport.LinesMax)),
        told => Meta.Set(ToldKey, told.OrNull()),
        cancellationToken);

    /// <summary>One of several remotes of a file: what it has refused, and nothing of the others.</summary>
    public Task TellAsync(IDeadLetterReports remote, Backend backend, CancellationToken cancellationToken) => TellAsync(
        remote,
        () => (backend.Told, $"{backend.User}\n{backend.Epoch}"),
        () => Read(
            "SELECT type, code, count(*), coalesce(min(refused_at), ?3) FROM _tm_owed WHERE backend = ?1 AND code <> '' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?2",
            Value.Integer(backend.Id), Value.Integer(DeadLetterReport.LinesMax), Value.Integer(environment.NowMs)),
        told => new BackendRepository(Db).SetTold(backend.Id, told),
        cancellationToken);

    private async Task TellAsync(IDeadLetterReports remote, Func<(string? Told, string Place)> last, Func<List<DeadLetterCount>> count, Action<string?> note, CancellationToken cancellationToken)
    {
        try
        {
            var (told, place) = last();
            var report = new DeadLetterReport { StoreId = Meta.Text(MetaRepository.StoreId)!, DeadLetters = count() };
            if (report.DeadLetters.Count == 0 && told is null)
            {
                return;
            }

            var telling = $"{place}\n{environment.NowMs / WeekMs}\n{JsonSerializer.Serialize(report, WireJson.Default.DeadLetterReport)}";
            if (string.Equals(told, telling, StringComparison.Ordinal))
            {
                return;
            }

            await SendAsync(remote, report, cancellationToken).ConfigureAwait(false);
            using var turn = Db.EnterGate();
            note(report.DeadLetters.Count == 0 ? null : telling);
        }
        catch (Exception e) when (e is SyncException or StoreException or OperationCanceledException)
        {
            // The next run tells.
        }
    }

    // A server that does not know of reports, or wants none, is not asked again before something changes.
    private async Task SendAsync(IDeadLetterReports remote, DeadLetterReport report, CancellationToken cancellationToken)
    {
        try
        {
            await remote.ReportDeadLettersAsync(store.DeviceId, report, cancellationToken).ConfigureAwait(false);
        }
        catch (SyncException e) when (!e.Retryable || e.Code == SyncErrorCode.InvalidResponse)
        {
        }
    }

    private List<DeadLetterCount> Read(string sql, params ReadOnlySpan<Value> parameters) => Db.Query(
        sql,
        r => new DeadLetterCount { EntityType = r.Text(0), Code = r.Text(1), Count = r.ColumnInt64(2), Oldest = WireTime.ToText(DateTimeOffset.FromUnixTimeMilliseconds(r.ColumnInt64(3))) },
        parameters);
}
