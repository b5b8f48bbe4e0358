namespace Tidemark.Simulation.Runs;

/// <summary>The versions of the workload. A new kind of step, edit or table belongs to a new version, because it changes what seeds mean.</summary>
public static class Workloads
{
    /// <summary>Rows, references, faults of network, disk, clock and server, one process a device.</summary>
    public const int First = 1;

    /// <summary>Also two processes on one file, drifting clocks, writes through the queue, more kinds of unique indexes, apps and models that grow.</summary>
    public const int Second = 2;

    /// <summary>Also fields of all policies that a machine can decide, and deletions that win.</summary>
    public const int Third = 3;

    /// <summary>Also leases for bulk work, hints that are lost, doubled or late, and writes with receipts.</summary>
    public const int Fourth = 4;

    /// <summary>A world of its own: users who share spaces, join, leave and are taken out of them.</summary>
    public const int Fifth = 5;

    /// <summary>The first one, and people who merge duplicates.</summary>
    public const int Sixth = 6;

    /// <summary>The fifth one, with a server that is killed and restored, and disks in trouble.</summary>
    public const int Seventh = 7;

    /// <summary>A world of its own: health data of one person with several phones.</summary>
    public const int Eighth = 8;

    /// <summary>A world of its own: devices of one person with several remotes.</summary>
    public const int Ninth = 9;

    /// <summary>The ninth one, with a remote that has no room for stamps, rows that other writers delete for good, keys that are changed, accounts that are, and newcomers that name the remotes in either order.</summary>
    public const int Tenth = 10;

    /// <summary>The seventh one, with a catalog of public rows and with snapshot files for whoever comes new.</summary>
    public const int Eleventh = 11;

    /// <summary>The first one, and answers to new rows that are lost while those rows are deleted, here or elsewhere, and others are made under their ids.</summary>
    public const int Twelfth = 12;

    public const int Preset = First;

    public const int Newest = Twelfth;

    /// <summary>Is it short as it is, with steps that are not a schedule?</summary>
    public static bool IsWorldOfItsOwn(int workload) => workload is Fifth or Seventh or Eighth or Ninth or Tenth or Eleventh;

    /// <summary>Does a workload have what came with another one?</summary>
    public static bool Has(int workload, int since) => workload is Sixth or Twelfth ? since == First || since == workload : since <= workload;
}
