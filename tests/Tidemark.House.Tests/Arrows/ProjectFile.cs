using System.Xml.Linq;
using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Arrows;

/// <summary>What one project file asks for.</summary>
internal sealed class ProjectFile
{
    private readonly XDocument document;

    private ProjectFile(string file)
    {
        File = file;
        Name = Path.GetFileNameWithoutExtension(file);
        document = XDocument.Parse(Checkout.Read(file));
    }

    public static IReadOnlyList<ProjectFile> All { get; } =
        [.. Checkout.Files.Where(f => f.EndsWith(".csproj", StringComparison.Ordinal)).Select(f => new ProjectFile(f))];

    public static IEnumerable<ProjectFile> Product => All.Where(p => p.File.StartsWith("src/", StringComparison.Ordinal));

    public string File { get; }

    public string Name { get; }

    public IReadOnlyList<string> Projects => [.. Included("ProjectReference").Select(p => Path.GetFileNameWithoutExtension(p.Replace('\\', '/')))];

    public IReadOnlyList<string> Packages => Included("PackageReference");

    public IReadOnlyList<string> Friends => Included("InternalsVisibleTo");

    public bool SeesAspNetCore =>
        Included("FrameworkReference").Contains("Microsoft.AspNetCore.App", StringComparer.Ordinal)
        || document.Root!.Attribute("Sdk")!.Value != "Microsoft.NET.Sdk";

    public bool StatesVersions => document.Descendants("PackageReference").Any(e => e.Attribute("Version") is not null || e.Element("Version") is not null || e.Attribute("VersionOverride") is not null);

    /// <summary>The projects it sees by way of others.</summary>
    public IReadOnlySet<string> Reach()
    {
        var reach = new SortedSet<string>(StringComparer.Ordinal);
        var waiting = new Queue<string>(Projects);
        while (waiting.TryDequeue(out var name))
        {
            if (reach.Add(name))
            {
                foreach (var next in All.Single(p => p.Name == name).Projects)
                {
                    waiting.Enqueue(next);
                }
            }
        }

        return reach;
    }

    private List<string> Included(string element) =>
        [.. document.Descendants(element).Select(e => e.Attribute("Include")?.Value).OfType<string>()];
}
