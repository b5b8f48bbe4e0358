using Microsoft.Data.Sqlite;
using Tidemark.Cli.Running;
using Tidemark.Cli.Syncing;
using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Sqlite;

namespace Tidemark.Cli.Demonstrating;

/// <summary>One device: a file that an app writes with plain SQL and that is synced now and then.</summary>
internal sealed record DemoDevice(string Name, string Path, ServerLink Link)
{
    public async Task<SyncReport> SyncAsync(CancellationToken cancellationToken)
    {
        await using var device = OpenDevice.Open(Path, Link);
        return await device.Sync.SyncAsync(SyncMode.Full, "demo", null, cancellationToken);
    }

    public async Task<VerifyReport> VerifyAsync(CancellationToken cancellationToken)
    {
        await using var device = OpenDevice.Open(Path, Link);
        return await device.Sync.VerifyAsync(cancellationToken);
    }

    public async Task<StoreStatus> StatusAsync()
    {
        await using var store = Stores.Open(Path);
        return new StoreInspector(store).Status();
    }

    /// <summary>As the app does it: its own connection, one transaction, no word of Tidemark.</summary>
    public void Write(DemoEdit edit)
    {
        using var connection = Open();
        using var transaction = connection.BeginTransaction();
        using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = edit.Sql;
        command.ExecuteNonQuery();
        transaction.Commit();
    }

    public string Read(string query)
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = query;
        return Convert.ToString(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture) ?? "";
    }

    /// <summary>References that lead nowhere.</summary>
    public long Orphans()
    {
        using var connection = Open();
        using var command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM pragma_foreign_key_check";
        return (long)command.ExecuteScalar()!;
    }

    public SqliteConnection Open() => SqliteFile.Open(Path, new OpenOptions());
}
