using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Caps;

public sealed class CapTests
{
    private const int FileLinesMax = 500;
    private const int MethodLinesMax = 70;

    [Fact]
    public void No_file_is_longer_than_500_lines() =>
        Faults.None(
            from file in Checkout.CSharpFiles
            let lines = File.ReadLines(Checkout.PathOf(file)).Count()
            where lines > FileLinesMax
            select $"{file}: {lines} lines",
            $"At most {FileLinesMax} lines:");

    [Fact]
    public void No_method_is_longer_than_70_lines() =>
        Faults.None(
            from file in Checkout.CSharpFiles
            let source = Source.Of(file)
            from node in source.Root.DescendantNodes()
            let start = StartOf(node)
            where start is not null
            let lines = LineAt(node, node.Span.End) - LineAt(node, start.Value.SpanStart) + 1
            where lines > MethodLinesMax
            select $"{source.Place(node)} {start.Value.Text}: {lines} lines",
            $"At most {MethodLinesMax} lines from the name to the closing brace:");

    // Attributes and documentation before the name do not count.
    private static SyntaxToken? StartOf(SyntaxNode node) => node switch
    {
        MethodDeclarationSyntax method => method.Identifier,
        ConstructorDeclarationSyntax constructor => constructor.Identifier,
        OperatorDeclarationSyntax @operator => @operator.OperatorToken,
        LocalFunctionStatementSyntax local => local.Identifier,
        AccessorDeclarationSyntax accessor => accessor.Keyword,
        _ => null,
    };

    private static int LineAt(SyntaxNode node, int position) => node.SyntaxTree.GetText().Lines.GetLineFromPosition(position).LineNumber;
}
