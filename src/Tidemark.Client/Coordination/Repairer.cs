using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination;

/// <summary>A resync of the rows that a comparison has named, and of no others: fetched by key, and brought in as pulled rows are. Edits that were not sent are merged as always.</summary>
internal sealed class Repairer(LocalStore store, IRemote remote, SyncEnvironment environment, SyncOptions options)
{
    private const int KeysMax = 1000;

    /// <returns>How many rows were brought in or taken away.</returns>
    /// <exception cref="SyncException">More deletions than a run makes without a question.</exception>
    public async Task<int> RunAsync(VerifyReport report, EngineTransaction transaction, CancellationToken cancellationToken)
    {
        var repaired = 0;
        foreach (var session in store.SessionsOf(store.EngineSession, withGone: false))
        {
            var incoming = new List<IncomingRow>();
            foreach (var type in report.Types.Where(t => string.Equals(t.Space, session.Space, StringComparison.Ordinal) && t.Differences.Count > 0))
            {
                var table = session.FindTable(type.Type)!;
                CheckLimit(type, options);
                foreach (var part in type.Differences.Chunk(KeysMax))
                {
                    incoming.AddRange(await FetchAsync(session, table, part, cancellationToken).ConfigureAwait(false));
                }
            }

            if (incoming.Count > 0)
            {
                repaired += new EngineTransaction(session, environment, transaction.LockToken).Run(EngineTransactionKind.Guarded, s => Apply(s, incoming));
            }
        }

        return repaired;
    }

    private static void CheckLimit(TypeVerification type, SyncOptions options)
    {
        var extra = type.Differences.Count(d => d.Kind == DifferenceKind.Extra);
        if (!options.Pull.AllowManyDeletes && extra > options.Pull.DeleteFreeRows && extra > type.LocalRows * options.Pull.DeleteShareMax)
        {
            throw new SyncException(SyncErrorCode.DeleteLimit, $"The server has not {extra} of {type.LocalRows} rows of {type.Type}. Nothing was repaired; allow deletions if that is meant.");
        }
    }

    private async Task<List<IncomingRow>> FetchAsync(StoreSession session, EntityTable table, RowDifference[] part, CancellationToken cancellationToken)
    {
        var answer = await remote.GetRowsAsync(
            new RowsRequest { Space = session.Space ?? options.Space, EntityType = table.Type.Name, EntityIds = [.. part.Select(d => new RawJson(System.Text.Encoding.UTF8.GetBytes(d.Key)))] }, cancellationToken).ConfigureAwait(false);
        var rows = new List<IncomingRow>();
        var listed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var change in answer.Rows)
        {
            var key = System.Text.Encoding.UTF8.GetString(change.EntityId.Utf8.Span);
            listed.Add(key);
            var row = change.Row is { } json ? RowBytes.Read(table.Type, json.Utf8.ToArray()) : null;
            rows.Add(new IncomingRow(table, StoreSession.KeyFrom(table.Type, key), change.Version, row, null, default) { MadeBy = change.MadeBy, ContentVersion = change.ContentVersion });
        }

        // Neither a row nor a tombstone: its deletion was forgotten. The server's word for that is the list that it is not in.
        rows.AddRange(part.Where(d => d.Kind == DifferenceKind.Extra && !listed.Contains(d.Key)).Select(d => new IncomingRow(table, StoreSession.KeyFrom(table.Type, d.Key), answer.Mark.Position, null, null, default)));
        return rows;
    }

    private int Apply(StoreSession s, List<IncomingRow> incoming)
    {
        var context = new SyncBatchContext(environment.NewId());
        var applier = new RowApplier(s, environment, context);
        var (applied, clashes) = (0, new List<IncomingRow>());
        foreach (var row in incoming.Where(r => r.Row is not null).OrderBy(r => s.Model.Graph.RankOf(r.Table.Type)))
        {
            switch (applier.Upsert(row))
            {
                case ApplyOutcome.Applied or ApplyOutcome.Merged:
                    applied++;
                    break;
                case ApplyOutcome.Clash:
                    clashes.Add(row);
                    break;
            }
        }

        var gone = incoming.Where(r => r.Row is null).ToArray();
        new ClashApplier(s, applier, context, environment.NowMs, gone.DistinctBy(r => r.Id).ToDictionary(r => r.Id, r => r.Version)).Apply(clashes, (_, outcome) => applied += outcome is ApplyOutcome.Applied or ApplyOutcome.Merged ? 1 : 0);
        var deletions = new DeletionApplier(s, environment, context, applier);
        deletions.Apply(gone);
        new IntegrityGate(s, options.Gate).Check(context);
        return applied + deletions.Applied;
    }
}
