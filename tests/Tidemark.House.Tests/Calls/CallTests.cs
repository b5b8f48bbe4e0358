using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Calls;

/// <summary>Calls that go around the environment, the choke points or SQLite itself. The analyzer of eng/BannedSymbols.txt holds some of them too; this reads every file, with its exceptions in one place.</summary>
public sealed class CallTests
{
    private const string Hosts = "src/Tidemark.Cli/";
    private const string Sqlite = "src/Tidemark.Sqlite/";

    [Fact]
    [Trait("req", "OPS-10")]
    public void Time_ids_and_randomness_come_from_the_environment() =>
        Faults.None(
            Calls(
                ["DateTime.Now", "DateTime.UtcNow", "DateTime.Today", "DateTimeOffset.Now", "DateTimeOffset.UtcNow", "Environment.TickCount", "Environment.TickCount64",
                    "Guid.NewGuid", "Guid.CreateVersion7", "Random.Shared", "Thread.Sleep", "Stopwatch.StartNew", "Stopwatch.GetTimestamp", "Path.GetRandomFileName"],
                ["Random", "Stopwatch"],
                [Hosts])
            .Concat(Calls(["TimeProvider.System"], [], [Hosts, .. Seams.Environment]))
            .Concat(Calls(["RandomNumberGenerator.Fill", "RandomNumberGenerator.GetBytes", "RandomNumberGenerator.GetInt32"], [], [Hosts, .. Seams.Environment]))
            .Concat(DelaysWithoutTimeProvider()),
            "Ask the environment:");

    [Fact]
    public void Threads_and_timers_are_made_at_one_seam() =>
        Faults.None(
            Calls(
                ["Task.Run", "Task.Factory.StartNew", "ThreadPool.QueueUserWorkItem", "ThreadPool.UnsafeQueueUserWorkItem"],
                ["Thread", "Timer", "System.Timers.Timer", "PeriodicTimer"],
                [Hosts, "src/Tidemark.Client/Coordination/", .. Seams.Scheduling]),
            "Coordination owns time and threads:");

    [Fact]
    [Trait("req", "STO-15")]
    public void Nothing_but_SQLite_opens_a_file_that_may_be_a_database() =>
        Faults.None(
            Calls(
                ["File.Open", "File.OpenRead", "File.OpenWrite", "File.OpenText", "File.OpenHandle", "File.Create", "File.CreateText", "File.AppendText", "File.AppendAllText",
                    "File.Copy", "File.Replace", "File.ReadAllBytes", "File.ReadAllBytesAsync", "File.ReadAllText", "File.ReadAllTextAsync", "File.ReadAllLines", "File.ReadLines",
                    "File.WriteAllBytes", "File.WriteAllBytesAsync", "File.WriteAllText", "File.WriteAllTextAsync", "File.WriteAllLines", "MemoryMappedFile.CreateFromFile"],
                ["FileStream", "StreamReader", "StreamWriter"],
                Seams.FilesThatAreNoDatabases),
            "Closing any other descriptor of a database file drops SQLite's locks. A file that is no database is named in Seams.cs:");

    [Fact]
    public void Result_codes_of_SQLite_are_known_in_one_room() =>
        Faults.None(
            from source in Source.Under("src/")
            where !source.File.StartsWith(Sqlite, StringComparison.Ordinal)
            from name in source.Root.DescendantNodes().OfType<SimpleNameSyntax>()
            where name.Identifier.ValueText is "SqliteErrorCode" or "SqliteExtendedErrorCode" || IsResultCode(name.Identifier.ValueText)
            select $"{source.Place(name)} {name}",
            "Tidemark.Sqlite turns result codes into StoreTrouble:");

    [Fact]
    public void Status_codes_of_HTTP_are_known_at_its_edges() =>
        Faults.None(
            from source in Source.Under("src/")
            where !source.File.StartsWith(Hosts, StringComparison.Ordinal)
                && !source.File.StartsWith("src/Tidemark.Server.AspNetCore/", StringComparison.Ordinal)
                && !source.File.StartsWith("src/Tidemark.Client/Remotes/", StringComparison.Ordinal)
                && !source.File.StartsWith("src/Tidemark.Simulation/Network/", StringComparison.Ordinal)
            from name in source.Root.DescendantNodes().OfType<SimpleNameSyntax>()
            where name.Identifier.ValueText is "HttpStatusCode" or "StatusCodes"
            select $"{source.Place(name)} {name}",
            "Remotes and Server.AspNetCore translate HTTP:");

    [Fact]
    [Trait("req", "CON-12")]
    public void Merging_happens_in_one_folder() =>
        Faults.None(
            from source in Source.Under("src/")
            where !source.File.StartsWith("src/Tidemark.Model/Merging/", StringComparison.Ordinal)
            from type in source.Root.DescendantNodes().OfType<BaseTypeDeclarationSyntax>()
            where (type.Identifier.ValueText.EndsWith("Merger", StringComparison.Ordinal) && type.Identifier.ValueText != "ChangeMerger") // brings streams into one order
                || type.Identifier.ValueText.EndsWith("MergeStrategy", StringComparison.Ordinal)
            select $"{source.Place(type)} {type.Identifier}",
            "A merge is a pure function of Tidemark.Model/Merging:");

    /// <summary>Who names a policy decides by it: the merger, the checks of the model, the words about it, the simulator's tables. The engine and the server hand rows to the merger.</summary>
    [Fact]
    [Trait("req", "CON-12")]
    public void Nobody_but_the_merger_decides_by_a_policy() =>
        Faults.None(
            from source in Source.Under("src/")
            where !Array.Exists(Seams.Policies, p => source.File.StartsWith(p, StringComparison.Ordinal))
            from name in source.Root.DescendantNodes().OfType<MemberAccessExpressionSyntax>()
            where name.Expression.ToString() is "FieldPolicy" or "Entities.FieldPolicy" || (name.Name.Identifier.ValueText is "Policy" or "ArrayKey" or "States" or "Clock" && name.Expression.ToString() is "field" or "f")
            select $"{source.Place(name)} {name}",
            "A policy is carried out in Tidemark.Model/Merging alone; a room that only tells of it is named in Seams.cs:");

    [Fact]
    public void Nobody_swallows_exceptions_or_waits_by_blocking_a_test() =>
        Faults.None(
            (from source in Source.Under("src/", "tests/", "bench/", "samples/")
             from clause in source.Root.DescendantNodes().OfType<CatchClauseSyntax>()
             where clause.Block.Statements.Count == 0 && clause.Declaration is null or { Type: IdentifierNameSyntax { Identifier.ValueText: "Exception" } } && clause.Filter is null
                && !clause.Block.DescendantTrivia().Any(t => t.ToString().StartsWith("//", StringComparison.Ordinal)) && clause.Block.Statements.Count == 0
             select $"{source.Place(clause)} an empty catch of everything")
            .Concat(Calls(Source.Under("tests/"), ["Thread.Sleep"], [])),
            "Say what is expected:");

    private static bool IsResultCode(string name) =>
        name is "SQLITE_BUSY" or "SQLITE_LOCKED" or "SQLITE_CORRUPT" or "SQLITE_NOTADB" or "SQLITE_FULL" or "SQLITE_READONLY" or "SQLITE_IOERR" or "SQLITE_CANTOPEN"
        || name.StartsWith("SQLITE_CONSTRAINT", StringComparison.Ordinal);

    private static IEnumerable<string> Calls(string[] members, string[] types, string[] except) =>
        Calls(Source.Under("src/").Where(s => !except.Any(e => s.File.StartsWith(e, StringComparison.Ordinal))), members, types);

    private static IEnumerable<string> Calls(IEnumerable<Source> sources, string[] members, string[] types) =>
        from source in sources
        from node in BannedCalls.Find(source.Root, members, types)
        select $"{source.Place(node)} {node}";

    private static IEnumerable<string> DelaysWithoutTimeProvider() =>
        from source in Source.Under("src/")
        where !source.File.StartsWith(Hosts, StringComparison.Ordinal)
        from call in source.Root.DescendantNodes().OfType<InvocationExpressionSyntax>()
        where call.Expression.ToString() is "Task.Delay" && call.ArgumentList.Arguments.Count < 3
        select $"{source.Place(call)} {call}";
}
