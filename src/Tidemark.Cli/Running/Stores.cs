using Tidemark.Client.Environment;
using Tidemark.Client.Storage;

namespace Tidemark.Cli.Running;

/// <summary>Opens stores for verbs.</summary>
internal static class Stores
{
    public static LocalStore Open(string path) => LocalStore.Open(path, new StoreOptions(), SyncEnvironment.System);

    /// <summary>For verbs that only look.</summary>
    public static async Task<ExitCode> LookAsync(string path, Func<LocalStore, ExitCode> look)
    {
        await using var store = Open(path);
        return look(store);
    }
}
