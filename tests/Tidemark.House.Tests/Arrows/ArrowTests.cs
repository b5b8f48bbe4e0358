using System.Text.RegularExpressions;
using System.Xml.Linq;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Arrows;

public sealed partial class ArrowTests
{
    private static readonly Dictionary<string, string[]> AllowedProjects = new(StringComparer.Ordinal)
    {
        ["Tidemark.Model"] = [],
        ["Tidemark.Sqlite"] = ["Tidemark.Model"], // for Value alone: docs/decisions/0004
        ["Tidemark.Client"] = ["Tidemark.Model", "Tidemark.Sqlite"],
        ["Tidemark.Client.Hosting"] = ["Tidemark.Client"],
        ["Tidemark.Health"] = ["Tidemark.Model", "Tidemark.Sqlite", "Tidemark.Client"],
        ["Tidemark.Server"] = ["Tidemark.Model"],
        ["Tidemark.Server.Sqlite"] = ["Tidemark.Model", "Tidemark.Server", "Tidemark.Sqlite"],
        ["Tidemark.Server.PostgreSql"] = ["Tidemark.Model", "Tidemark.Server"],
        ["Tidemark.Server.S3"] = ["Tidemark.Model", "Tidemark.Server"],
        ["Tidemark.Server.AspNetCore"] = ["Tidemark.Model", "Tidemark.Server"],
        ["Tidemark.EntityFrameworkCore"] = ["Tidemark.Model"],
        ["Tidemark.Cli"] = ["Tidemark.Model", "Tidemark.Sqlite", "Tidemark.Client", "Tidemark.Health", "Tidemark.Server", "Tidemark.Server.Sqlite", "Tidemark.Server.PostgreSql", "Tidemark.Server.S3", "Tidemark.Server.AspNetCore", "Tidemark.Simulation"],
        ["Tidemark.Simulation"] = ["Tidemark.Model", "Tidemark.Sqlite", "Tidemark.Client", "Tidemark.Health", "Tidemark.Server", "Tidemark.Server.Sqlite"],
    };

    private static readonly Dictionary<string, string[]> AllowedPackages = new(StringComparer.Ordinal)
    {
        ["Tidemark.Model"] = [],
        ["Tidemark.Sqlite"] = ["Microsoft.Data.Sqlite.Core", "SQLitePCLRaw.core"],
        ["Tidemark.Client"] = ["Microsoft.Extensions.Logging.Abstractions"],
        ["Tidemark.Client.Hosting"] = ["Microsoft.Extensions.Hosting.Abstractions", "Microsoft.Extensions.Http", "Microsoft.Extensions.Options", "Microsoft.Extensions.Diagnostics.HealthChecks"],
        ["Tidemark.Health"] = [],
        ["Tidemark.Server"] = [],
        ["Tidemark.Server.Sqlite"] = [],
        ["Tidemark.Server.PostgreSql"] = ["Npgsql"],
        ["Tidemark.Server.S3"] = ["AWSSDK.S3"],
        ["Tidemark.Server.AspNetCore"] = ["Microsoft.AspNetCore.OpenApi"],
        ["Tidemark.EntityFrameworkCore"] = ["Microsoft.EntityFrameworkCore.Relational"],
        ["Tidemark.Simulation"] = [],
        ["Tidemark.Cli"] = ["System.CommandLine", "Spectre.Console", "OpenTelemetry", "OpenTelemetry.Exporter.OpenTelemetryProtocol", "SQLitePCLRaw.provider.e_sqlite3"],
    };

    [Fact]
    public void Projects_refer_only_to_the_projects_they_may_know() =>
        Faults.None(
            ProjectFile.Product.SelectMany(p => p.Projects.Except(AllowedProjects[p.Name], StringComparer.Ordinal).Select(r => $"{p.Name} -> {r}")),
            "Arrows run one way (DESIGN, the house):");

    [Fact]
    public void Projects_refer_only_to_the_packages_they_may_know() =>
        Faults.None(
            ProjectFile.Product.SelectMany(p => p.Packages.Except(AllowedPackages[p.Name], StringComparer.Ordinal).Select(r => $"{p.Name} -> {r}")),
            "A package is a decision: it is named here or it is not used.");

    [Fact]
    public void Client_and_server_never_know_each_other_and_the_model_knows_nobody()
    {
        var faults = new List<string>();
        foreach (var project in ProjectFile.Product.Where(p => p.Name is not ("Tidemark.Cli" or "Tidemark.Simulation")))
        {
            var reach = project.Reach();
            var side = project.Name.StartsWith("Tidemark.Server", StringComparison.Ordinal) ? "Tidemark.Client" : "Tidemark.Server";
            faults.AddRange(reach.Where(r => r.StartsWith(side, StringComparison.Ordinal)).Select(r => $"{project.Name} sees {r}"));
            if (project.Name == "Tidemark.Model")
            {
                faults.AddRange(reach.Select(r => $"Tidemark.Model sees {r}"));
            }
        }

        Faults.None(faults, "Client | Server | Model:");
    }

    [Fact]
    public void Only_what_sits_on_Sqlite_sees_the_SQLite_packages()
    {
        var above = ProjectFile.Product.Where(p => p.Name == "Tidemark.Sqlite" || p.Reach().Contains("Tidemark.Sqlite")).Select(p => p.Name).ToList();
        Assert.Equal(["Tidemark.Cli", "Tidemark.Client", "Tidemark.Client.Hosting", "Tidemark.Health", "Tidemark.Server.Sqlite", "Tidemark.Simulation", "Tidemark.Sqlite"], above.Order(StringComparer.Ordinal));
        Faults.None(
            UsingsOf("Microsoft.Data.Sqlite", "SQLitePCL").Where(u => !above.Contains(Checkout.ProjectOf(u), StringComparer.Ordinal)),
            "Microsoft.Data.Sqlite is named outside of what sits on Tidemark.Sqlite:");
    }

    [Fact]
    [Trait("req", "SRV-02")]
    public void Only_the_PostgreSQL_store_sees_Npgsql()
    {
        Assert.Equal(["Tidemark.Server.PostgreSql"], ProjectFile.Product.Where(p => p.Packages.Contains("Npgsql", StringComparer.Ordinal)).Select(p => p.Name));
        Faults.None(UsingsOf("Npgsql", "NpgsqlTypes").Where(u => Checkout.ProjectOf(u) != "Tidemark.Server.PostgreSql"), "Npgsql is named in:");
    }

    [Fact]
    [Trait("req", "SRV-02")]
    public void Codes_of_SQL_states_are_known_in_one_file() =>
        Faults.None(
            from source in Source.Under("src/")
            where source.File != "src/Tidemark.Server.PostgreSql/Connections/PgErrors.cs"
            from name in source.Root.DescendantNodes().OfType<SimpleNameSyntax>()
            where name.Identifier.ValueText is "PostgresErrorCodes" or "SqlState"
            select $"{source.Place(name)} {name}",
            "PgErrors turns SQLSTATEs into what the server says:");

    [Fact]
    public void Only_hosting_rooms_see_ASP_NET_Core()
    {
        string[] allowed = ["Tidemark.Server.AspNetCore", "Tidemark.Dashboard", "Tidemark.Cli"];
        Faults.None(ProjectFile.Product.Where(p => p.SeesAspNetCore).Select(p => p.Name).Except(allowed, StringComparer.Ordinal), "ASP.NET Core is asked for by:");
        Faults.None(UsingsOf("Microsoft.AspNetCore").Where(u => !allowed.Contains(Checkout.ProjectOf(u), StringComparer.Ordinal)), "ASP.NET Core is named in:");
    }

    // The simulator tests what it runs: its checkers look into the books.
    [Fact]
    public void Internals_are_open_to_tests_benchmarks_and_the_simulator_alone() =>
        Faults.None(
            ProjectFile.Product.SelectMany(p => p.Friends.Where(f => f != "Tidemark.Simulation" && !FriendName().IsMatch(f)).Select(f => $"{p.Name} -> {f}")),
            "InternalsVisibleTo is for tests:");

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var listed = XDocument.Parse(Checkout.Read("Tidemark.slnx")).Descendants("Project").Select(e => e.Attribute("Path")!.Value);
        Assert.Equal(ProjectFile.All.Select(p => p.File).Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Package_versions_stand_in_one_place_and_are_exact()
    {
        var versions = XDocument.Parse(Checkout.Read("eng/Packages.props")).Descendants("PackageVersion")
            .ToDictionary(e => e.Attribute("Include")!.Value, e => e.Attribute("Version")!.Value, StringComparer.Ordinal);
        Faults.None(ProjectFile.All.Where(p => p.StatesVersions).Select(p => p.File), "Versions belong into eng/Packages.props, not into:");
        Faults.None(versions.Where(v => !ExactVersion().IsMatch(v.Value)).Select(v => $"{v.Key} {v.Value}"), "Not an exact version:");
        Faults.None(ProjectFile.All.SelectMany(p => p.Packages).Where(p => !versions.ContainsKey(p)), "No version for:");
    }

    private static IEnumerable<string> UsingsOf(params string[] namespaces) =>
        from source in Source.Under("src/")
        from node in source.Root.DescendantNodes().OfType<NameSyntax>()
        let name = node.ToString()
        where namespaces.Any(n => name == n || name.StartsWith(n + ".", StringComparison.Ordinal))
        select source.Place(node);

    [GeneratedRegex(@"^Tidemark\.(\w+\.)*(Tests|Testing|Benchmarks|Mutants)$", RegexOptions.None, 1000)]
    private static partial Regex FriendName();

    [GeneratedRegex(@"^\[?\d+(\.\d+){1,3}\]?$", RegexOptions.None, 1000)]
    private static partial Regex ExactVersion();
}
