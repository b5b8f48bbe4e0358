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
    public void Every_column_of_a_metadata_table_stands_in_its_section()
    {
        var page = Checkout.Read("docs/internals/store.md").Split("\n## On the server");
        Faults.None(
            MissingColumns("src/Tidemark.Client/", page[0]).Concat(MissingColumns("src/Tidemark.Server.Sqlite/", page[1])),
            "Not in its section of docs/internals/store.md:");
    }

    [Fact]
    [Trait("req", "OPS-06")]
    public void Every_error_code_is_in_the_catalogue_of_errors()
    {
        var catalogue = string.Concat(Checkout.Files.Where(f => f.StartsWith("docs/errors/", StringComparison.Ordinal)).Select(Checkout.Read));
        var constants = from source in Source.Under("src/")
                        from type in source.Root.DescendantNodes().OfType<TypeDeclarationSyntax>()
                        where type.Identifier.ValueText.EndsWith("Codes", StringComparison.Ordinal)
                        from literal in type.DescendantNodes().OfType<VariableDeclaratorSyntax>().Select(v => v.Initializer?.Value).OfType<LiteralExpressionSyntax>()
                        where Code().IsMatch(literal.Token.ValueText)
                        select (Code: literal.Token.ValueText, source.File);
        var members = from source in Source.Under("src/")
                      from type in source.Root.DescendantNodes().OfType<EnumDeclarationSyntax>()
                      where type.Identifier.ValueText.EndsWith("ErrorCode", StringComparison.Ordinal)
                      from member in type.Members
                      select (Code: WordStart().Replace(member.Identifier.ValueText, "_$0").ToUpperInvariant(), source.File);
        Faults.None(
            from found in constants.Concat(members)
            let code = found.Code
            where !catalogue.Contains($"`{code}`", StringComparison.Ordinal) && !catalogue.Contains($" {code} ", StringComparison.Ordinal)
            select $"{code} ({found.File})",
            "Not in docs/errors:");
    }

    [Fact]
    [Trait("req", "OPS-06")]
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
    [Trait("req", "OPS-06")]
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

    [Fact]
    [Trait("req", "OPS-06")]
    public void Every_endpoint_stands_in_the_protocol_reference()
    {
        var page = Checkout.Read("docs/protocol/README.md");
        var paths = (from source in Source.Under("src/Tidemark.Server.AspNetCore/")
                     from call in source.Root.DescendantNodes().OfType<InvocationExpressionSyntax>()
                     where call.Expression is MemberAccessExpressionSyntax { Name.Identifier.ValueText: "MapGet" or "MapPost" or "MapPut" or "MapDelete" or "MapPatch" or "MapMethods" }
                     select (((LiteralExpressionSyntax)call.ArgumentList.Arguments[0].Expression).Token.ValueText, source.File)).ToList();
        Assert.NotEmpty(paths);
        Faults.None(from path in paths where !page.Contains($"{path.ValueText}`", StringComparison.Ordinal) select $"{path.ValueText} ({path.File})", "Not in docs/protocol/README.md:");
    }

    [Fact]
    [Trait("req", "OPS-06")]
    [Trait("req", "OPS-01")]
    public void Every_verb_of_the_command_stands_in_a_guide_or_the_readme()
    {
        var pages = string.Concat(Checkout.Files.Where(f => f == "README.md" || f.StartsWith("docs/guides/", StringComparison.Ordinal) || f.StartsWith("docs/errors/", StringComparison.Ordinal) || f == "docs/internals/testing.md").Select(Checkout.Read));
        var verbs = (from source in Source.Under("src/Tidemark.Cli/")
                     from call in source.Root.DescendantNodes().OfType<InvocationExpressionSyntax>()
                     where call.Expression.ToString() is "Verb.Create" or "Asks"
                     select (call.ArgumentList.Arguments[0].Expression as LiteralExpressionSyntax)?.Token.ValueText).OfType<string>().ToList();
        Assert.Contains("sync", verbs);
        Faults.None(from verb in verbs.Distinct(StringComparer.Ordinal) where !Regex.IsMatch(pages, $@"\b{verb}\b", RegexOptions.None, TimeSpan.FromSeconds(10)) select verb, "In no guide:");
    }

    private static List<string> MissingColumns(string room, string page)
    {
        var sections = page.Split("\n### ").Skip(1)
            .ToDictionary(s => s.Split('`')[1].Replace("N", "", StringComparison.Ordinal).Replace("TYPE", "", StringComparison.Ordinal), s => s, StringComparer.Ordinal);
        var columns = (from source in Source.Under(room)
                       from table in CreateTable().Matches(source.Text)
                       let name = table.Groups[1].Value
                       from column in TopLevel(source.Text, table.Index + table.Length)
                       where ColumnName().IsMatch(column)
                       select (Table: name, Column: column, source.File)).ToList();
        Assert.NotEmpty(columns);
        return [.. from column in columns
                   where !sections.TryGetValue(column.Table, out var section) || !section.Contains($"`{column.Column}`", StringComparison.Ordinal)
                   select $"{column.Table}.{column.Column} ({column.File})"];
    }

    // The first words of what stands between the commas of a CREATE TABLE, up to its closing bracket.
    private static IEnumerable<string> TopLevel(string text, int start)
    {
        var depth = 1;
        var from = start;
        for (var i = start; i < text.Length && depth > 0; i++)
        {
            depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
            if (depth == 0 || (depth == 1 && text[i] == ','))
            {
                yield return text[from..i].Trim().Split(' ', '(', '\n')[0];
                from = i + 1;
            }
        }
    }

    [GeneratedRegex(@"CREATE TABLE (?:IF NOT EXISTS )?(_tm_[a-z_]+)\s*\(", RegexOptions.None, 1000)]
    private static partial Regex CreateTable();

    // Keywords of constraints are upper case, columns are not; pieces put in at run time are no names.
    [GeneratedRegex("^[a-z_][a-z0-9_]*$", RegexOptions.None, 1000)]
    private static partial Regex ColumnName();

    [GeneratedRegex(@"\b_tm_[a-z0-9_]+", RegexOptions.None, 1000)]
    private static partial Regex MetadataName();

    [GeneratedRegex("(?<=[a-z])[A-Z]", RegexOptions.None, 1000)]
    private static partial Regex WordStart();

    [GeneratedRegex("^[A-Z]+(_[A-Z]+)*$", RegexOptions.None, 1000)]
    private static partial Regex Code();

    [GeneratedRegex(@"\]\(([^)\s]+)\)", RegexOptions.None, 1000)]
    private static partial Regex Link();

    // Three words or more with underscores, the first with a capital: `A_pulled_row_never_overwrites_an_unsent_edit`.
    [GeneratedRegex(@"`(?:\w+\.)?([A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+){3,})`", RegexOptions.None, 1000)]
    private static partial Regex TestName();
}
