using System.Globalization;
using Tidemark.Hosting;
using Tidemark.Torture;
using Tidemark.Torture.Faults;
using Tidemark.Torture.Nodes;
using Tidemark.Torture.RunLocks;

// dotnet run -c Release --project tests/Tidemark.Torture -- kills|power|partitions|proxy|runlock|nodes [--runs N] [--devices N] [--seed N]
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
        case "runlock":
            var done = await RunLockRuns.RunAsync(seed, Number("--runs", 1000), Console.WriteLine);
            Console.WriteLine($"{done.Cycles} cycles over {done.Processes} processes, {done.Killed} of them killed; {done.Runs} runs, never two at once; {done.TakenOver} locks taken over from the dead, {done.SlowestTakeOverMs:0} ms after their end at most; {done.Rows} rows, none lost; no lock left");
            break;
        case RunLockRuns.WorkerVerb:
            await new LockWorker(args[1], new Uri(args[2]), args[3], int.Parse(args[4], CultureInfo.InvariantCulture)).RunAsync();
            break;
        case "nodes":
            var nodes = await NodeRuns.RunAsync(seed, Number("--devices", 200), Console.WriteLine);
            Console.WriteLine($"nodes: {nodes.Devices} devices, {nodes.Edits} edits, {nodes.Runs} runs, {nodes.FailedByKills} failed by kills and {nodes.FailedByDraining} by draining, {nodes.Rows} rows, all equal, nothing lost, nothing twice, {nodes.Time.TotalSeconds:F0} s");
            break;
        default:
            Console.Error.WriteLine("What? kills, power (needs strace), partitions, proxy, runlock or nodes (needs PostgreSQL); --runs N, --devices N, --seed N.");
            return 2;
    }

    return 0;
}
catch (TortureException e)
{
    Console.Error.WriteLine($"\nBroken (seed {seed}): {e.Message}");
    return 1;
}
