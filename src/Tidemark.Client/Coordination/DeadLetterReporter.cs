using System.Text.Json;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
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
    // What was told last, where, and in which week.
    private const string ToldKey = "dead_letters_told";
    private const long WeekMs = 7L * 24 * 3600 * 1000;

    public async Task TellAsync(IDeadLetterReports remote, long deadLetters, CancellationToken cancellationToken)
    {
        try
        {
            var meta = new MetaRepository(store.EngineSession.Db);
            var told = meta.Text(ToldKey);
            if (deadLetters == 0 && told is null)
            {
                return;
            }

            var report = new DeadLetterReport { StoreId = meta.Text(MetaRepository.StoreId)!, DeadLetters = deadLetters == 0 ? [] : Read() };
            var telling = $"{store.User}\n{store.EngineSession.Remotes.Read().Epoch}\n{environment.NowMs / WeekMs}\n{JsonSerializer.Serialize(report, WireJson.Default.DeadLetterReport)}";
            if (string.Equals(told, telling, StringComparison.Ordinal))
            {
                return;
            }

            await SendAsync(remote, report, cancellationToken).ConfigureAwait(false);
            using var turn = store.EngineSession.Db.EnterGate();
            meta.Set(ToldKey, report.DeadLetters.Count == 0 ? Value.Null : Value.Text(telling));
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

    private List<DeadLetterCount> Read() => store.EngineSession.Db.Query(
        "SELECT t.name, c.last_code, count(*), min(c.state_updated_at_ms) FROM _tm_command c JOIN _tm_type t ON t.n = c.type JOIN _tm_context x ON x.id = c.ctx WHERE c.status = 'DEAD_LETTER' AND x.user = ?1 AND c.last_code IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?2",
        r => new DeadLetterCount { EntityType = r.Text(0), Code = r.Text(1), Count = r.ColumnInt64(2), Oldest = WireTime.ToText(DateTimeOffset.FromUnixTimeMilliseconds(r.ColumnInt64(3))) },
        Value.Text(store.User ?? ""), Value.Integer(DeadLetterReport.LinesMax));
}
