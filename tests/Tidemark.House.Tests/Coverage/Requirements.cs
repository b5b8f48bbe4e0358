using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Coverage;

/// <summary>The ids of docs/internals/requirements.md, those of the current scope, and the tests that name them.</summary>
internal static partial class Requirements
{
    public static IReadOnlyList<string> Catalogue { get; } =
        [.. Id().Matches(Checkout.Read("docs/internals/requirements.md")).Select(m => m.Groups[1].Value)];

    public static IReadOnlyList<string> Scope { get; } =
        [.. Checkout.Read("tests/Tidemark.House.Tests/scope.txt").Split('\n')
            .Select(line => line.Split('#')[0])
            .SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    /// <summary>Id -> the number of test methods that name it, by themselves or by their class.</summary>
    public static IReadOnlyDictionary<string, int> Tests { get; } = CountTests();

    private static SortedDictionary<string, int> CountTests()
    {
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var type in Source.Under("tests/").SelectMany(s => s.Root.DescendantNodes().OfType<TypeDeclarationSyntax>()))
        {
            var shared = IdsOf(type);
            foreach (var method in type.Members.OfType<MethodDeclarationSyntax>().Where(IsTest))
            {
                foreach (var id in IdsOf(method).Union(shared, StringComparer.Ordinal))
                {
                    counts[id] = counts.GetValueOrDefault(id) + 1;
                }
            }
        }

        return counts;
    }

    private static bool IsTest(MethodDeclarationSyntax method) =>
        method.AttributeLists.SelectMany(l => l.Attributes).Any(a => a.Name.ToString() is { } name
            && (name.EndsWith("Fact", StringComparison.Ordinal) || name.EndsWith("Theory", StringComparison.Ordinal)));

    private static List<string> IdsOf(MemberDeclarationSyntax member) =>
        [.. from attribute in member.AttributeLists.SelectMany(l => l.Attributes)
            where attribute.Name.ToString() is "Trait"
            let arguments = attribute.ArgumentList?.Arguments
            where arguments?.Count == 2
            let name = arguments.Value[0].Expression as LiteralExpressionSyntax
            let value = arguments.Value[1].Expression as LiteralExpressionSyntax
            where name?.Token.ValueText == "req" && value is not null
            select value.Token.ValueText];

    [GeneratedRegex(@"^\| ([A-Z]{3,4}-\d\d) \|", RegexOptions.Multiline, 1000)]
    private static partial Regex Id();
}
