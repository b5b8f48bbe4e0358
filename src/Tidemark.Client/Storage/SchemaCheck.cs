using Tidemark.Client.Capture;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;
using Tidemark.Sqlite.Schema;

namespace Tidemark.Client.Storage;

/// <summary>Keeps the file true to the model: tables, columns and keys are verified, lost triggers are brought back, what they missed is noted.</summary>
internal sealed class SchemaCheck(StoreSession session, SyncEnvironment environment, Func<IReadOnlyList<StoreSession>> spaces)
{
    /// <exception cref="SyncException">The tables do not fit the model; every difference is named.</exception>
    public void Run(List<string> warnings, bool always = false)
    {
        var db = session.Db;
        var meta = new MetaRepository(db);
        if (!always && db.ScalarInt64("PRAGMA schema_version") == meta.Integer(MetaRepository.SchemaVersion))
        {
            return;
        }

        using var turn = db.EnterGate();
        db.Execute("BEGIN IMMEDIATE");
        try
        {
            Verify();
            GuardAppTriggers(warnings);
            var numbers = session.Tables.ToDictionary(t => t.Type.Name, t => t.Number, StringComparer.Ordinal);
            var lost = CaptureInstaller.Missing(db.Connection, session.Model, numbers);
            if (lost.Count > 0 || CaptureInstaller.Strange(db.Connection, numbers.Values).Count > 0)
            {
                CaptureInstaller.Install(db.Connection, session.Model, numbers);
                foreach (var name in lost)
                {
                    NoteMissed(session.FindTable(name)!, warnings);
                }
            }

            meta.Set(MetaRepository.SchemaVersion, Value.Integer(db.ScalarInt64("PRAGMA schema_version")));
            db.Execute("COMMIT");
        }
        catch
        {
            if (!db.Connection.IsAutocommit())
            {
                db.Execute("ROLLBACK");
            }

            throw;
        }
    }

    // A migration may have made new triggers, or the guarded ones anew without their guard.
    private void GuardAppTriggers(List<string> warnings)
    {
        var connection = session.Db.Connection;
        var decisions = AppTriggers.Classify(connection, [.. session.Tables.Select(t => t.Type.TableName)]);
        AppTriggers.Guard(connection, decisions);
        warnings.AddRange(decisions.Where(d => d.Kind != AppTriggerKind.KeepAsIs).Select(d => $"The trigger {d.Name} on {d.Table} is new: {d.Reason}"));
    }

    private void NoteMissed(EntityTable table, List<string> warnings)
    {
        var missed = new List<MissedChange>();
        var noted = 0;
        foreach (var space in spaces())
        {
            space.Owners?.Refresh();
            var found = MissedChanges.Find(space, table);
            noted += MissedChanges.Note(space, table, found, environment.NowMs);
            missed.AddRange(found);
        }

        var vanished = missed.Count(m => m.Kind == MissedKind.Vanished);
        warnings.Add($"{table.Type.Name}: capture was missing and is back; {noted} changed rows were found and queued."
            + (vanished == 0 ? "" : $" {vanished} rows vanished meanwhile; they are not taken for deletions: `tidemark doctor` lists them."));
    }

    private void Verify()
    {
        var faults = new List<string>();
        foreach (var table in session.Tables)
        {
            if (SchemaReader.Read(session.Db.Connection, table.Type.TableName) is not { Kind: TableKind.Table } schema)
            {
                faults.Add($"table {table.Type.TableName} is missing");
                continue;
            }

            Verify(table.Type, schema, faults);
        }

        if (faults.Count > 0)
        {
            throw new SyncException(SyncErrorCode.SchemaMismatch, "The tables do not fit the model; nothing was synced: " + string.Join("; ", faults) + ". Bring the tables back, or adopt the file anew.");
        }
    }

    private static void Verify(EntityType type, TableSchema schema, List<string> faults)
    {
        foreach (var field in type.Fields.Where(f => schema.Find(f.ColumnName) is null or { Generated: true }))
        {
            faults.Add($"column {type.TableName}.{field.ColumnName} is missing");
        }

        var key = schema.Key.Select(c => c.Name);
        if (!key.SequenceEqual(type.KeyOrdinals.Select(o => type.Fields[o].ColumnName), SqlName.Comparer))
        {
            faults.Add($"the key of {type.TableName} is ({string.Join(", ", schema.Key.Select(c => c.Name))}), not ({string.Join(", ", type.Key)})");
        }
    }
}
