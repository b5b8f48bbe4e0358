using System.Globalization;
using Tidemark.Client.Errors;
using Tidemark.Model.Protocol;
using Tidemark.Sqlite;

namespace Tidemark.Client.Snapshots;

/// <summary>Fetches the file beside the database, and goes on where an earlier run stopped. SQLite opens it when it is whole.</summary>
internal static class SnapshotDownload
{
    private const int PartBytes = 1 << 20;

    /// <summary>Where a file is fetched to.</summary>
    public static string PathFor(string database, SnapshotManifest manifest) =>
        database + ".snapshot-" + string.Concat(manifest.ETag!.Where(c => char.IsAsciiLetterOrDigit(c) || c == '-'));

    /// <exception cref="SyncException">The connection was lost, or what came is not what was announced.</exception>
    /// <exception cref="StoreException">It cannot be written.</exception>
    public static async Task RunAsync(ISnapshots remote, string? space, SnapshotManifest manifest, string path, Action alive, CancellationToken cancellationToken)
    {
        using (var file = Open(path))
        {
            if (file.Length < manifest.Bytes)
            {
                var part = await remote.OpenSnapshotAsync(space, manifest.ETag!, file.Length, cancellationToken).ConfigureAwait(false);
                await using (part.ConfigureAwait(false))
                {
                    if (!part.IsRest && file.Length > 0)
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
        while (await ReadAsync(from, buffer, cancellationToken).ConfigureAwait(false) is var count and > 0)
        {
            Write(to, buffer.AsSpan(0, count));
            alive();
        }
    }

    private static async ValueTask<int> ReadAsync(Stream from, byte[] buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await from.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new SyncException(SyncErrorCode.NetworkError, "The connection was lost in the middle of a snapshot; the next run goes on.", retryable: true, e);
        }
    }

    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(StoreTrouble.CannotOpen, $"A snapshot cannot be kept beside the database: {e.Message} Make room for it, or let the app write there; the next run tries again.", e);
        }
    }

    // Here and now, as SQLite writes: a file's own asynchronous writes are writes on other threads.
    private static void Write(FileStream to, ReadOnlySpan<byte> bytes)
    {
        try
        {
            to.Write(bytes);
        }
        catch (IOException e)
        {
            throw new StoreException(StoreTrouble.Full, $"A snapshot cannot be written beside the database: {e.Message} Free some space; the next run goes on with what is there.", e);
        }
    }
}
