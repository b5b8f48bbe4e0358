using Tidemark.Fuzzing.Device;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Server;
using Tidemark.Server.Sqlite;
using Tidemark.Sqlite;

namespace Tidemark.Fuzzing.Server;

/// <summary>A server's file damaged in the same ways: it opens and answers, or says with a typed exception that it does not.</summary>
public sealed class ServerFileTarget : IFuzzTarget
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tidemark-fuzz-").FullName;
    private readonly byte[] _file;

    public ServerFileTarget()
    {
        using var server = new FuzzServer();
        server.Fill("ann");
        using (var connection = SqliteFile.Open(server.File, new OpenOptions { Checkpoints = true }))
        {
            connection.Run("VACUUM INTO " + SqlName.Literal(Path.Combine(_folder, "template.db")));
        }

        _file = File.ReadAllBytes(Path.Combine(_folder, "template.db"));
    }

    public string Name => "server-file";

    public IReadOnlyList<byte[]> Seeds { get; } = [[], .. Enumerable.Range(50, 10).Select(i => Damage.Make(new FuzzDice(i)))];

    public byte[]? Make(FuzzDice dice) => Damage.Make(dice);

    public byte[] Vary(byte[] input, byte[] other, FuzzDice dice) => Damage.Vary(input, other, dice);

    public string Run(byte[] input)
    {
        var path = Path.Combine(_folder, "run.db");
        foreach (var old in Directory.GetFiles(_folder, "run.db*"))
        {
            File.Delete(old);
        }

        File.WriteAllBytes(path, Damage.Apply(input, _file, [0x37, 0x7f, 0x06, 0x82]).File);
        var shapes = new List<string>();
        try
        {
            var environment = new ServerEnvironment { Time = new FixedTime() };
            var store = SqliteServerStore.Open(path, environment);
            try
            {
                using var server = new SyncServer(store, environment, new ServerOptions { Dev = true, PageRowsDefault = 2 });
                var caller = FuzzServer.CallerOf("ann");
                shapes.Add(Shape(() => FuzzServer.Done(server.GetChangesAsync(caller, new ChangesRequest(), default)).Length > 0));
                shapes.Add(Shape(() => FuzzServer.Done(server.GetChecksumsAsync(caller, new ChecksumsRequest(), default)).Types.Count > 0));
                shapes.Add(Shape(() => FuzzServer.Done(server.GetRowsAsync(caller, new RowsRequest { EntityType = "boxes", EntityIds = [new RawJson("\"a\""u8.ToArray())] }, default)).Rows.Count > 0));
                shapes.Add(Shape(() => FuzzServer.Done(server.PushAsync(caller, FuzzModel.Utf8(FuzzModel.Push(new FuzzDice(5))), default)).Failed.Count >= 0));
            }
            finally
            {
                store.DisposeAsync().AsTask().GetAwaiter().GetResult();
            }
        }
        catch (Exception e) when (e is StoreException or ModelException)
        {
            shapes.Add("open " + Shapes.Of(e));
        }

        return string.Join(" | ", shapes);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Shape(Func<bool> ask)
    {
        try
        {
            return ask().ToString();
        }
        catch (ServerException e)
        {
            return e.Problem.Code;
        }
        catch (StoreException e)
        {
            return e.Trouble.ToString();
        }
    }
}
