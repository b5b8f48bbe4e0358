namespace Tidemark.Torture;

/// <summary>kill -9 of a syncing client or of the server at random moments; every so often all is synced and compared.</summary>
internal static class Kills
{
    private const int CheckEvery = 25;

    public static void Run(int seed, int kills)
    {
        using var town = new Town(seed, 2);
        town.Settle();
        var (client, server, late, checks) = (0, 0, 0, 0);
        var sync = TimeSpan.FromMilliseconds(500);
        while (client + server < kills)
        {
            foreach (var device in town.Devices)
            {
                town.Edit(device, town.Random.Next(0, 12));
            }

            var victim = town.Devices[town.Random.Next(town.Devices.Count)];
            using (var running = town.StartSync(victim))
            {
                var isServer = town.Random.Next(3) == 0;
                var wait = sync * town.Random.NextDouble();
                if (running.WaitFor(wait))
                {
                    late++;
                    sync *= 0.98; // It had ended: the moments move forward.
                }
                else if (isServer)
                {
                    server += town.Server!.Kill() ? 1 : 0;
                    running.Wait();
                    town.StartServer();
                }
                else
                {
                    client += running.Kill() ? 1 : 0;
                    sync *= 1.01;
                }
            }

            if ((client + server) / CheckEvery > checks)
            {
                town.MustBeWell();
                checks++;
                Console.Write($"\r{client} clients and {server} servers killed ({late} syncs had ended before), {town.Edits} edits, {checks} times all equal ");
            }
        }

        town.MustBeWell();
        Console.WriteLine($"\rkills: {client} clients and {server} servers killed ({late} syncs had ended before), {town.Edits} edits, {checks + 1} times all equal, nothing lost, nothing twice");
    }
}
