namespace Tidemark.Torture;

/// <summary>
/// The power goes at a write of a syncing client or of the server: what was not synced to the disk is there or not, write by write.
/// The process is killed at that very system call, so that nobody has heard of anything that happened later.
/// </summary>
internal static class PowerLoss
{
    private const int CheckEvery = 10;

    public static void Run(int seed, int losses)
    {
        using var town = new Town(seed, 2);
        town.Settle();
        var (client, server, ended, lost, checks) = (0, 0, 0, 0, 0);
        while (client + server < losses)
        {
            foreach (var device in town.Devices)
            {
                town.Edit(device, town.Random.Next(1, 12));
            }

            if (town.Random.Next(3) == 0)
            {
                server += AtServer(town, ref lost);
            }
            else if (AtClient(town, town.Devices[town.Random.Next(2)], ref lost))
            {
                client++;
            }
            else
            {
                ended++;
            }

            if ((client + server) / CheckEvery > checks)
            {
                town.MustBeWell();
                checks++;
                Console.Write($"\r{client} clients and {server} servers without power ({lost} unsynced writes were at stake, {ended} syncs had ended before), {town.Edits} edits, {checks} times all equal ");
            }
        }

        town.MustBeWell();
        Console.WriteLine($"\rpower: {client} clients and {server} servers without power ({lost} unsynced writes were at stake, {ended} syncs had ended before), {town.Edits} edits, {checks + 1} times all equal, nothing lost, nothing twice");
    }

    private static bool AtClient(Town town, string device, ref int lost)
    {
        var disk = new DiskLog([device, device + "-wal"]);
        var log = Path.Combine(town.Folder, "trace");
        using (var running = town.StartSync(device, null, DiskLog.Tracer(log, town.Random.Next(1, 60))))
        {
            if (running.Wait().ExitCode is 0 or 3)
            {
                return false;
            }
        }

        lost += Lose(town, disk, log, device);
        return true;
    }

    private static int AtServer(Town town, ref int lost)
    {
        // Stopped first: what the server has written so far is on the disk.
        var file = Path.Combine(town.Data, "tidemark.db");
        town.Server!.Kill();
        var disk = new DiskLog([file, file + "-wal"]);
        var log = Path.Combine(town.Folder, "trace");
        town.StartServer(DiskLog.Tracer(log, town.Random.Next(2, 80)));
        for (var i = 0; i < 4 && !town.Server!.HasExited; i++)
        {
            using var running = town.StartSync(town.Devices[i % 2]);
            running.Wait();
            if (!town.Server.HasExited)
            {
                town.Edit(town.Devices[i % 2], 5);
            }
        }

        var died = town.Server!.HasExited;
        if (died)
        {
            lost += Lose(town, disk, log, file);
        }

        town.StartServer();
        return died ? 1 : 0;
    }

    private static int Lose(Town town, DiskLog disk, string log, string file)
    {
        disk.Read(log);
        var pending = disk.Pending;
        disk.Lose(town.Random);
        File.Delete(file + "-shm");
        return pending;
    }
}
