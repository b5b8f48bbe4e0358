using System.Globalization;
using Tidemark.Hosting;
using Tidemark.Torture;
using Tidemark.Torture.Faults;

// dotnet run -c Release --project tests/Tidemark.Torture -- kills|power|partitions|proxy [--runs N] [--seed N]
SystemSqlite.Use();
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
int Number(string name, int otherwise) =>
    args.Zip(args.Skip(1)).FirstOrDefault(a => a.First == name).Second is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
var seed = Number("--seed", 1);
try
{
    switch (args.FirstOrDefault())
    {
        case "kills":
            Kills.Run(seed, Number("--runs", 1000));
            break;
        case "power":
            PowerLoss.Run(seed, Number("--runs", 200));
            break;
        case "partitions":
            Partitions.Run(seed, Number("--runs", 300));
            break;
        case "proxy":
            var result = await ProxyRuns.RunAsync(seed, Number("--runs", 500), Console.WriteLine);
            Console.WriteLine(string.Join(", ", result.Faults.Select(f => $"{f.Key} {f.Value}")));
            Console.WriteLine($"{result.Broken.Count} broken{(result.Broken.Count == 0 ? "" : ": seeds " + string.Join(", ", result.Broken.Keys))}");
            return result.Broken.Count == 0 ? 0 : 1;
        default:
            Console.Error.WriteLine("What? kills, power (needs strace), partitions or proxy; --runs N, --seed N.");
            return 2;
    }

    return 0;
}
catch (TortureException e)
{
    Console.Error.WriteLine($"\nBroken (seed {seed}): {e.Message}");
    return 1;
}
