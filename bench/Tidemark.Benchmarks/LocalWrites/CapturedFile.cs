using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Rows;
using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;

namespace Tidemark.Benchmarks.LocalWrites;

/// <summary>A file with the table of the measurements, adopted as `tidemark adopt` does it.</summary>
internal static class CapturedFile
{
    public static void Create(string path, int rows)
    {
        BenchTable.Create(path, rows);
        Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System);
    }

    /// <summary>As after a sync of every row: the remote has shown it, no touches wait.</summary>
    public static void MarkSynced(string path)
    {
        using var database = new BareDatabase(path, "OFF");
        database.Execute("""
            INSERT INTO _tm_row_1(k0, remote, version, digest) SELECT id, 1, 1, randomblob(32) FROM journal_entries;
            DELETE FROM _tm_touch WHERE seq < (SELECT max(seq) FROM _tm_touch);
            PRAGMA wal_checkpoint(TRUNCATE)
            """);
    }

    /// <summary>Every row written is noted, or the file is a bare one: what was not captured is not measured as if it were.</summary>
    public static void CheckTouches(BareDatabase database, int rows)
    {
        var isStore = database.Scalar("SELECT count(*) FROM sqlite_master WHERE name='_tm_touch'") == 1;
        if (isStore && database.Scalar("SELECT count(*) FROM _tm_touch") < rows)
        {
            throw new InvalidOperationException("The captured side captured nothing.");
        }
    }
}
