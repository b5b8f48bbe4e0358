using System.Globalization;
using Tidemark.Hosting;
using Tidemark.Torture;

// dotnet run -c Release --project tests/Tidemark.Torture -- kills|power|partitions [--runs N] [--seed N]
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
        default:
            Console.Error.WriteLine("What? kills, power (needs strace) or partitions; --runs N, --seed N.");
            return 2;
    }

    return 0;
}
catch (TortureException e)
{
    Console.Error.WriteLine($"\nBroken (seed {seed}): {e.Message}");
    return 1;
}
