using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Inspection;

/// <summary>The file as SQLite sees it: damage, indexes that do not fit their tables, a log that has grown.</summary>
internal sealed class FileChecks(Examination visit)
{
    /// <summary>A log of this size is read through by whoever opens the file after a crash.</summary>
    public const long WalBytesMax = 64L << 20;

    private const int FaultsMax = 10;

    private StoreConnection Db => visit.Session.Db;

    /// <summary>False: the file is damaged, and nothing that is read from it says anything.</summary>
    public bool Run()
    {
        var faults = Check("PRAGMA quick_check");
        if (faults.Count == 0 && !CheckIndexes(out faults))
        {
            return true;
        }

        if (faults.Count == 0)
        {
            return true;
        }

        visit.Add(FindingCodes.FileDamaged, FindingSeverity.Fault, "The file is damaged: " + string.Join("; ", faults),
            "Keep a copy. `sqlite3 FILE .recover` saves what can be read; or clone anew, after noting what `tidemark outbox` still shows as waiting.");
        return false;
    }

    public void CheckLog()
    {
        var bytes = BytesOfLog();
        if (bytes <= WalBytesMax)
        {
            return;
        }

        if (visit.IsRepair)
        {
            Db.Query("PRAGMA wal_checkpoint(TRUNCATE)", s => s.ColumnInt64(0));
        }

        visit.Add(FindingCodes.WalLarge, FindingSeverity.Warning, $"The write-ahead log has {bytes >> 20} MiB.",
            "`tidemark doctor --repair` moves it into the file; where that does not help, a program holds a read transaction open: end it.", repairable: true, repaired: visit.IsRepair && BytesOfLog() <= WalBytesMax);
    }

    // The size from the directory: the file itself is SQLite's alone to open.
    private long BytesOfLog() => new FileInfo(visit.Store.Path + "-wal") is { Exists: true } log ? log.Length : 0;

    // True: there is damage beyond what was found and mended in indexes.
    private bool CheckIndexes(out List<string> faults)
    {
        try
        {
            faults = Check("PRAGMA integrity_check");
        }
        catch (StoreException e) when (e.Trouble == StoreTrouble.Other)
        {
            // A collation or function of the app that this program does not have: its indexes cannot be compared.
            visit.Add(FindingCodes.IndexUnchecked, FindingSeverity.Note, $"Indexes could not be compared with their tables: {e.Message}", "Let the app examine the file: it has its collations and functions.");
            faults = [];
            return false;
        }

        if (faults.Count == 0 || !faults.TrueForAll(f => f.Contains(" index ", StringComparison.Ordinal)))
        {
            return faults.Count > 0;
        }

        var named = string.Join("; ", faults);
        var isMended = false;
        if (visit.Repair is { } repair)
        {
            isMended = Mend(repair);
        }

        visit.Add(FindingCodes.IndexDamaged, FindingSeverity.Fault, "Indexes do not fit their tables: " + named, "`tidemark doctor --repair` makes them anew from the tables' rows.", repairable: true, repaired: isMended);
        faults = [];
        return false;
    }

    private bool Mend(EngineTransaction repair)
    {
        try
        {
            repair.Run(EngineTransactionKind.Guarded, s => s.Db.Execute("REINDEX"));
            return Check("PRAGMA integrity_check").Count == 0;
        }
        catch (StoreException)
        {
            return false; // Rows that a unique index would not take: they stay as they are, and the finding says so.
        }
    }

    private List<string> Check(string pragma) =>
        [.. Db.Query($"{pragma}({FaultsMax})", s => s.Text(0)).Where(line => !string.Equals(line, "ok", StringComparison.Ordinal))];
}
