using System.Diagnostics;
using System.Xml;
using Tidemark.Benchmarks.Running;
using Tidemark.Client.Environment;
using Tidemark.Health.Apple;
using Tidemark.Health.Importing;
using Tidemark.Health.Storage;
using Tidemark.Health.Synthetic;
using Tidemark.Sqlite;

namespace Tidemark.Benchmarks.Health;

/// <summary>An export of a million records: read against a bare XmlReader over the same file, and brought into SQLite against plain inserts of the same rows.</summary>
internal sealed class HealthBenchmark : Benchmark
{
    private static readonly Target ReadTarget = Target.Least(2);
    private static readonly Target ImportTarget = Target.Least(0.5);

    public override string Name => "health";

    public override string Summary => "a health export of 1,000,000 records: parse, normalise and identify; import into SQLite";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var file = scratch.File("export.xml");
        var records = effort.Scale(1_000_000);
        HealthExportGenerator.Generate(file, new GenerateOptions { Seed = 1, Records = records }, cancellationToken: cancel);
        _ = (Bare(file), Read(file)); // One round is thrown away.
        var rounds = Enumerable.Range(0, effort.Rounds).Select(_ => (Bare: Bare(file), Ours: Read(file))).ToList();
        var imported = scratch.File("import.db");
        var import = await ImportAsync(file, imported, cancel);
        var insert = Insert(imported, scratch.File("plain.db"));
        return
        [
            Figure.OfRates($"health export of {records:#,0} records, read", "records", records / Median(rounds.Select(r => r.Bare)), records / Median(rounds.Select(r => r.Ours)), ReadTarget),
            Figure.OfRates("the same into SQLite", "samples", records / insert, records / import, ImportTarget),
        ];
    }

    // What every program does that uses the framework's reader: each node, each attribute as a string.
    private static double Bare(string file)
    {
        var clock = Stopwatch.StartNew();
        using var reader = XmlReader.Create(file, new XmlReaderSettings { DtdProcessing = DtdProcessing.Ignore, CheckCharacters = false });
        var length = 0L;
        while (reader.Read())
        {
            if (reader.NodeType == XmlNodeType.Element)
            {
                while (reader.MoveToNextAttribute())
                {
                    length += reader.Value.Length;
                }
            }
        }

        return length > 0 ? clock.Elapsed.TotalSeconds : throw new InvalidDataException("Nothing was read.");
    }

    private static double Read(string file)
    {
        var clock = Stopwatch.StartNew();
        using var export = AppleHealthExport.Open(file);
        using var reader = new AppleExportReader(export.OpenXml());
        var samples = 0L;
        while (reader.Read())
        {
            samples++;
        }

        return samples > 0 ? clock.Elapsed.TotalSeconds : throw new InvalidDataException("Nothing was read.");
    }

    private static async Task<double> ImportAsync(string file, string database, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        using var export = AppleHealthExport.Open(file);
        using var store = HealthStore.Open(database, SyncEnvironment.System, Durability.Normal);
        await AppleImport.RunAsync(export, store, new ImportOptions(), null, cancel);
        return clock.Elapsed.TotalSeconds;
    }

    // The rows of the import, read from its file and inserted into tables of the same form with the same sizes of commits.
    private static double Insert(string from, string into)
    {
        using var source = SqliteFile.Open(from, new OpenOptions { QueryOnly = true });
        using var store = HealthStore.Open(into, SyncEnvironment.System, Durability.Normal);
        store.Dispose();
        using var target = SqliteFile.Open(into, new OpenOptions { Checkpoints = true, Durability = Durability.Normal, ForeignKeys = false });
        using var read = new RawStatement(source, "SELECT * FROM _tm_health_sample ORDER BY seq");
        using var insert = new RawStatement(target, $"INSERT INTO _tm_health_sample VALUES({string.Join(", ", Enumerable.Range(1, read.ColumnCount).Select(i => "?" + i.ToString(System.Globalization.CultureInfo.InvariantCulture)))})");
        var took = TimeSpan.Zero;
        for (var more = true; more;)
        {
            var batch = new List<Tidemark.Model.Values.Value[]>(8192);
            while (batch.Count < 8192 && (more = read.Step()))
            {
                batch.Add([.. Enumerable.Range(0, read.ColumnCount).Select(read.Column)]);
            }

            var clock = Stopwatch.StartNew();
            target.Run("BEGIN IMMEDIATE");
            foreach (var row in batch)
            {
                insert.BindAll(row).Execute();
            }

            target.Run("COMMIT");
            took += clock.Elapsed;
        }

        return took.TotalSeconds;
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);
}
