using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Docs;

public sealed partial class DocumentedTests
{
    [Fact]
    public void Every_metadata_table_and_column_is_described()
    {
        var described = Checkout.Read("docs/internals/store.md");
        Faults.None(
            from source in Source.Under("src/")
            from token in source.Root.DescendantTokens()
            where token.IsKind(SyntaxKind.StringLiteralToken) || token.IsKind(SyntaxKind.InterpolatedStringTextToken)
                || token.IsKind(SyntaxKind.MultiLineRawStringLiteralToken) || token.IsKind(SyntaxKind.SingleLineRawStringLiteralToken)
                || token.IsKind(SyntaxKind.Utf8StringLiteralToken)
            from match in MetadataName().Matches(token.ValueText)
            where !described.Contains(match.Value, StringComparison.Ordinal)
            select $"{match.Value} ({source.File})",
            "Not in docs/internals/store.md:");
    }

    [Fact]
    public void Every_error_code_is_in_the_catalogue_of_errors()
    {
        var catalogue = string.Concat(Checkout.Files.Where(f => f.StartsWith("docs/errors/", StringComparison.Ordinal)).Select(Checkout.Read));
        Faults.None(
            from source in Source.Under("src/")
            from type in source.Root.DescendantNodes().OfType<TypeDeclarationSyntax>()
            where type.Identifier.ValueText.EndsWith("Codes", StringComparison.Ordinal)
            from literal in type.DescendantNodes().OfType<VariableDeclaratorSyntax>().Select(v => v.Initializer?.Value).OfType<LiteralExpressionSyntax>()
            let code = literal.Token.ValueText
            where Code().IsMatch(code) && !catalogue.Contains($"`{code}`", StringComparison.Ordinal) && !catalogue.Contains($" {code} ", StringComparison.Ordinal)
            select $"{code} ({source.File})",
            "Not in docs/errors:");
    }

    [Fact]
    public void Links_between_documents_lead_somewhere() =>
        Faults.None(
            from file in Checkout.Files
            where file.EndsWith(".md", StringComparison.Ordinal)
            from match in Link().Matches(Checkout.Read(file))
            let target = match.Groups[1].Value.Split('#')[0]
            where target.Length > 0 && !target.Contains("://", StringComparison.Ordinal)
            let path = Path.GetRelativePath(Checkout.Root, Path.Combine(Checkout.Root, Path.GetDirectoryName(file)!, target))
            where !Path.Exists(Checkout.PathOf(path))
            select $"{file} -> {target}",
            "Links to nothing:");

    [Fact]
    public void Tests_named_by_documents_exist()
    {
        var methods = Source.Under("tests/")
            .SelectMany(s => s.Root.DescendantNodes().OfType<MethodDeclarationSyntax>())
            .Select(m => m.Identifier.ValueText)
            .ToHashSet(StringComparer.Ordinal);
        Faults.None(
            from file in Checkout.Files
            where file.EndsWith(".md", StringComparison.Ordinal)
            from match in TestName().Matches(Checkout.Read(file))
            where !methods.Contains(match.Groups[1].Value)
            select $"{file}: {match.Groups[1].Value}",
            "Documents name tests that do not exist:");
    }

    [GeneratedRegex(@"\b_tm_[a-z0-9_]+", RegexOptions.None, 1000)]
    private static partial Regex MetadataName();

    [GeneratedRegex("^[A-Z]+(_[A-Z]+)*$", RegexOptions.None, 1000)]
    private static partial Regex Code();

    [GeneratedRegex(@"\]\(([^)\s]+)\)", RegexOptions.None, 1000)]
    private static partial Regex Link();

    // Three words or more with underscores, the first with a capital: `A_pulled_row_never_overwrites_an_unsent_edit`.
    [GeneratedRegex(@"`(?:\w+\.)?([A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+){3,})`", RegexOptions.None, 1000)]
    private static partial Regex TestName();
}
