namespace Tidemark.House.Tests.Calls;

/// <summary>The exceptions of the banned calls, each with its reason.</summary>
internal static class Seams
{
    /// <summary>Where the real clock and the real randomness come in.</summary>
    public static string[] Environment { get; } =
    [
        "src/Tidemark.Client/Environment/",
        "src/Tidemark.Client/Storage/Writing/WriteQueue.cs", // the default of an app that opens a queue without an environment
        "src/Tidemark.Server/ServerEnvironment.cs",
        "src/Tidemark.Server.AspNetCore/Tokens/", // hosting: what is used when the host registers no clock
    ];

    /// <summary>Where background work is started, besides Coordination.</summary>
    public static string[] Scheduling { get; } =
    [
        "src/Tidemark.Client/Environment/",
        "src/Tidemark.Server.AspNetCore/Hosting/Compaction.cs", // hosting: a background service on the host's clock
        "src/Tidemark.Health/Apple/AppleExportReader.cs", // parses blocks of a file beside its caller; what comes out is the same on one thread
        "src/Tidemark.Client/Storage/Writing/TurnStarter.cs", // the queue's one seam; the scheduler is given
    ];

    /// <summary>Rooms that know a policy by its name.</summary>
    public static string[] Policies { get; } =
    [
        "src/Tidemark.Model/Merging/", // carries them out
        "src/Tidemark.Model/Entities/", // says what they are and checks that they fit
        "src/Tidemark.EntityFrameworkCore/", // reads them from annotations
        "src/Tidemark.Cli/Models/", // says in words what a change means
        "src/Tidemark.Cli/Conflicts/", // shows the rule that chose
        "src/Tidemark.Client/Storage/ConflictRecord.cs", // keeps the rule that chose
        "src/Tidemark.Client/Inspection/StoryTeller.cs", // tells it
        "src/Tidemark.Client/Engines/Apply/IncomingRow.cs", // a deliberate bug that forgets them
        "src/Tidemark.Client/Engines/Joining/", // carries out those that are joins, where nobody decides
        "src/Tidemark.Client/Remotes/Several/SeveralRemotes.cs", // names those that nobody carries out there
        "src/Tidemark.Simulation/", // declares them for random tables, and holds the engine to them
    ];

    public static string[] FilesThatAreNoDatabases { get; } =
    [
        "src/Tidemark.Sqlite/", // the one room that may know how
        "src/Tidemark.Cli/Models/", // model files, JSON
        "src/Tidemark.Health/Apple/AppleHealthExport.cs", // exports: zip, XML and CSV
        "src/Tidemark.Health/HealthConnect/HealthConnectExport.cs", // a zip; the database in it is unpacked into a new file and closed before SQLite opens it
        "src/Tidemark.Health/Synthetic/HealthExportGenerator.cs", // writes exports
        "src/Tidemark.Cli/Adopting/AdoptVerb.cs", // writes a model file that was not there
        "src/Tidemark.Cli/Conflicts/ConflictsSettleVerb.cs", // reads a row that a person wrote
        "src/Tidemark.Cli/DeadLetters/DeadLettersExportVerb.cs", // writes a file that was not there
        "src/Tidemark.Server.AspNetCore/Hosting/ModelFileLoader.cs",
        "src/Tidemark.Server/Snapshots/SnapshotFolder.cs", // files that were written and closed; nobody opens them as databases here
        "src/Tidemark.Server/Blobs/FileBlobs.cs", // blobs, in folders of their own
        "src/Tidemark.Client/Snapshots/SnapshotDownload.cs", // a file beside the database, which SQLite opens when it is whole
        "src/Tidemark.Cli/Sharing/CatalogCommand.cs", // looks whether a file is there
        "src/Tidemark.Simulation/Disk/FileSet.cs", // what a killed process leaves behind; its remark says why that is safe
        "src/Tidemark.Model/Entities/SyncModelSchema.cs", // a resource of the assembly
    ];
}
