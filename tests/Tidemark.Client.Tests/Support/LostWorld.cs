namespace Tidemark.Client.Tests.Support;

/// <summary>Two devices of a server that goes back to its backup, and a third that knows nothing of what was lost by it.</summary>
internal sealed class LostWorld : IAsyncDisposable
{
    private LostWorld(World world, Device a, Device b)
    {
        World = world;
        A = a;
        B = b;
    }

    public World World { get; }

    public Device A { get; }

    public Device B { get; }

    /// <summary>Rows from here on are lost by the restore.</summary>
    public static async Task<LostWorld> StartAsync(string schema = Schemas.Authors)
    {
        var world = await World.StartAsync();
        var a = world.Adopt("a", schema);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        return new LostWorld(world, a, b);
    }

    /// <summary>Restores the server; a device without any memory writes before the others come back.</summary>
    public async Task<Device> RestoreAndWriteAsync(string sql)
    {
        await World.RestoreServerAsync();
        var c = World.Clone("c", A);
        await c.SyncAsync();
        c.Sql(sql);
        await c.SyncAsync();
        return c;
    }

    public ValueTask DisposeAsync() => World.DisposeAsync();
}
