using Tidemark.Health.Importing;
using Tidemark.Health.Storage;

namespace Tidemark.Health.HealthConnect;

/// <summary>Brings a Health Connect export into a file: what is new is added, what was written again replaced, what is gone deleted. A second time changes nothing.</summary>
public static class ConnectImport
{
    /// <summary>
    /// Runs on the caller's thread between its waits for the file. Cancelled, nothing is deleted, and what it brought is recognised the next time. Samples that came
    /// from other kinds of exports are not touched, nor is what was written after this export was made.
    /// </summary>
    /// <exception cref="HealthExportException">It is no export, or breaks a limit.</exception>
    public static async Task<ImportReport> RunAsync(HealthConnectExport export, HealthStore store, ImportOptions options, IProgress<ImportProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(export);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(options);
        var merge = new ImportMerge(store, options, ExportKind.HealthConnect);
        var repairs = new Repairs();
        await merge.BeginAsync(cancellationToken).ConfigureAwait(false);
        using var reader = new ConnectReader(export, repairs);
        while (reader.Read())
        {
            merge.Add(reader.Current);
            if (merge.IsFull || merge.IsHeavy)
            {
                await merge.CommitAsync(last: null).ConfigureAwait(false);
                progress?.Report(new ImportProgress(merge.Report.Found, BytesDone(export, reader), export.DatabaseBytes));
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        merge.Report.Complete = reader.IsComplete;
        foreach (var (repair, count) in repairs.Needed)
        {
            merge.Repaired(repair, count);
        }

        foreach (var (table, count) in repairs.UnknownElements)
        {
            merge.Report.UnknownElements[table] = count;
        }

        await merge.CommitAsync(() =>
        {
            if (merge.Report.Complete)
            {
                merge.DeleteUnseen(reader.LastChangeMs);
            }
        }).ConfigureAwait(false);
        return merge.Report;
    }

    // A database does not say how far one has read in it: its records do.
    private static long BytesDone(HealthConnectExport export, ConnectReader reader) =>
        reader.RecordsTotal == 0 ? 0 : (long)(export.DatabaseBytes * Math.Min(1.0, reader.Records / (double)reader.RecordsTotal));
}
