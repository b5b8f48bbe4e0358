using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Words;

public sealed partial class WordTests
{
    // What one thing is called elsewhere and never here. Words that SQLite or the framework own too (shadow tables,
    // checkpoint, reset, provider) cannot be told apart by their spelling and are left to the reader.
    private static readonly Dictionary<string, string> NeverSay = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Tenant"] = "space",
        ["Mutation"] = "touch, outbox event or command",
        ["BeforeImage"] = "base",
        ["ShadowRow"] = "base",
        ["ConflictResolver"] = "policy, merge",
        ["MergeResolver"] = "policy, merge",
        ["KeySwap"] = "id replacement",
        ["IdSwap"] = "id replacement",
        ["LastSyncAt"] = "cursor",
        ["SyncToken"] = "cursor",
        ["PoisonQueue"] = "dead letter",
        ["SkippedRow"] = "put aside",
        ["DeletedRowLog"] = "tombstone",
    };

    private static readonly string[] FoldersThatAreKinds = ["Models", "Interfaces", "Helpers", "Utils", "Utilities", "Common", "Misc", "Extensions"];

    // The verb `tidemark model`; registration and growth of the server's model.
    private static readonly string[] FoldersOfTheSyncModel = ["src/Tidemark.Cli/Models/", "src/Tidemark.Server/Models/"];

    [Fact]
    public void Identifiers_use_the_words_of_the_glossary() =>
        Faults.None(
            from source in Source.Under("src/")
            from name in DeclaredNames(source.Root)
            from word in NeverSay
            where name.ValueText.Contains(word.Key, StringComparison.OrdinalIgnoreCase)
            select $"{source.Place(name)} {name.ValueText}: say {word.Value}",
            "One word per thing:");

    [Fact]
    public void Folders_are_features_not_kinds() =>
        Faults.None(
            Checkout.CSharpFiles
                .Where(f => !FoldersOfTheSyncModel.Any(m => f.StartsWith(m, StringComparison.Ordinal)))
                .Where(f => f.Split('/')[..^1].Intersect(FoldersThatAreKinds, StringComparer.OrdinalIgnoreCase).Any()),
            "A folder is a feature:");

    [Fact]
    public void Sources_hold_no_promises_for_later() =>
        Faults.None(
            from source in Source.Under("src/", "tests/", "bench/", "samples/")
            from comment in source.Root.DescendantTrivia(descendIntoTrivia: true)
            where comment.RawKind is (int)SyntaxKind.SingleLineCommentTrivia or (int)SyntaxKind.MultiLineCommentTrivia
            where Promise().IsMatch(comment.ToString())
            select $"{source.File}: {comment}",
            "Do it or write it down in LIMITATIONS.md:");

    [Fact]
    public void Names_of_tests_are_sentences() =>
        Faults.None(
            from source in Source.Under("tests/")
            from method in source.Root.DescendantNodes().OfType<MethodDeclarationSyntax>()
            where method.AttributeLists.SelectMany(l => l.Attributes).Any(a => a.Name.ToString() is "Fact" or "Theory")
            where !method.Identifier.ValueText.Contains('_', StringComparison.Ordinal)
            select $"{source.Place(method)} {method.Identifier.ValueText}",
            "A test says what holds, in words with underscores between them:");

    private static IEnumerable<SyntaxToken> DeclaredNames(SyntaxNode root) => root.DescendantNodes().Select(node => node switch
    {
        BaseTypeDeclarationSyntax type => type.Identifier,
        DelegateDeclarationSyntax type => type.Identifier,
        MethodDeclarationSyntax method => method.Identifier,
        PropertyDeclarationSyntax property => property.Identifier,
        EventDeclarationSyntax @event => @event.Identifier,
        EnumMemberDeclarationSyntax member => member.Identifier,
        VariableDeclaratorSyntax variable => variable.Identifier,
        SingleVariableDesignationSyntax variable => variable.Identifier,
        ParameterSyntax parameter => parameter.Identifier,
        LocalFunctionStatementSyntax local => local.Identifier,
        ForEachStatementSyntax loop => loop.Identifier,
        _ => default,
    }).Where(token => !string.IsNullOrEmpty(token.ValueText));

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b", RegexOptions.None, 1000)]
    private static partial Regex Promise();
}
