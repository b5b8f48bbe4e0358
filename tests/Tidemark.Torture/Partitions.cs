namespace Tidemark.Torture;

/// <summary>Five devices and one server as real processes; requests or responses of each are cut at random while all edit and sync. None may end stuck or divergent.</summary>
internal static class Partitions
{
    private const int Devices = 5;

    public static void Run(int seed, int runs)
    {
        using var town = new Town(seed, Devices);
        town.Settle();
        var proxies = town.Devices.Select(_ => new CutProxy(town.ServerPort)).ToList();
        var (cut, failed, synced) = (0, 0, 0);
        for (var run = 1; run <= runs; run++)
        {
            var running = new List<Running>();
            for (var i = 0; i < Devices; i++)
            {
                town.Edit(town.Devices[i], town.Random.Next(0, 6));
                var way = town.Random.Next(4);
                proxies[i].CutRequests = way is 1;
                proxies[i].CutResponses = way is 2;
                cut += way is 1 or 2 ? 1 : 0;
                running.Add(town.StartSync(town.Devices[i], proxies[i].Address.OriginalString.TrimEnd('/')));
            }

            // Ways open and close in the middle of what is going on.
            for (var change = 0; change < 10; change++)
            {
                town.Server!.WaitFor(TimeSpan.FromMilliseconds(town.Random.Next(50, 400)));
                var proxy = proxies[town.Random.Next(Devices)];
                (proxy.CutRequests, proxy.CutResponses) = town.Random.Next(3) switch { 0 => (true, false), 1 => (false, true), _ => (false, false) };
                cut += proxy.CutRequests || proxy.CutResponses ? 1 : 0;
                town.Edit(town.Devices[town.Random.Next(Devices)], 1);
            }

            proxies.ForEach(p => p.Heal());
            foreach (var process in running)
            {
                _ = process.Wait().ExitCode == 0 ? synced++ : failed++;
                process.Dispose();
            }

            town.MustBeWell();
            Console.Write($"\r{run} runs, {cut} cuts, {synced} syncs went through and {failed} failed, {town.Edits} edits ");
        }

        proxies.ForEach(p => p.Dispose());
        Console.WriteLine($"\rpartitions: {runs} runs, {cut} cuts, {synced} syncs went through and {failed} failed, {town.Edits} edits: every run ended equal, nothing lost, nothing twice");
    }
}
