using System.Globalization;
using Tidemark.Client.Errors;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Snapshots;

/// <summary>Fetches the file beside the database, and goes on where an earlier run stopped. SQLite opens it when it is whole.</summary>
internal static class SnapshotDownload
{
    private const int PartBytes = 1 << 20;

    /// <summary>Where a file is fetched to.</summary>
    public static string PathFor(string database, SnapshotManifest manifest) =>
        database + ".snapshot-" + string.Concat(manifest.ETag!.Where(c => char.IsAsciiLetterOrDigit(c) || c == '-'));

    /// <exception cref="SyncException">The connection was lost, or what came is not what was announced.</exception>
    public static async Task RunAsync(ISnapshots remote, string? space, SnapshotManifest manifest, string path, Action alive, CancellationToken cancellationToken)
    {
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        await using (file.ConfigureAwait(false))
        {
            if (file.Length < manifest.Bytes)
            {
                var part = await remote.OpenSnapshotAsync(space, manifest.ETag!, file.Length, cancellationToken).ConfigureAwait(false);
                await using (part.ConfigureAwait(false))
                {
                    if (!part.IsRest)
                    {
                        file.SetLength(0);
                    }

                    file.Position = file.Length;
                    await CopyAsync(part.Bytes, file, alive, cancellationToken).ConfigureAwait(false);
                }
            }

            if (file.Length == manifest.Bytes)
            {
                return;
            }

            if (file.Length > manifest.Bytes)
            {
                file.SetLength(0); // Another file by now: the next run begins anew.
            }
        }

        throw new SyncException(SyncErrorCode.NetworkError, string.Create(CultureInfo.InvariantCulture, $"The snapshot did not come whole ({manifest.Bytes} bytes were announced); the next run goes on."), retryable: true);
    }

    /// <summary>Forgets what was fetched for this database, whole or not.</summary>
    public static void Forget(string database)
    {
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(database)!, Path.GetFileName(database) + ".snapshot-*"))
        {
            File.Delete(file);
        }
    }

    private static async Task CopyAsync(Stream from, FileStream to, Action alive, CancellationToken cancellationToken)
    {
        var buffer = new byte[PartBytes];
        try
        {
            while (await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is var count and > 0)
            {
                await to.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                alive();
            }
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new SyncException(SyncErrorCode.NetworkError, "The connection was lost in the middle of a snapshot; the next run goes on.", retryable: true, e);
        }
    }
}
