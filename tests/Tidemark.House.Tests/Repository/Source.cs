using System.Collections.Concurrent;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Tidemark.House.Tests.Repository;

/// <summary>One C# file with its syntax tree, so that strings and comments are never taken for code.</summary>
internal sealed class Source
{
    private static readonly ConcurrentDictionary<string, Source> Parsed = new(StringComparer.Ordinal);

    private Source(string file)
    {
        File = file;
        Text = Checkout.Read(file);
        Root = CSharpSyntaxTree.ParseText(Text, new CSharpParseOptions(LanguageVersion.Latest)).GetRoot();
    }

    public string File { get; }

    public string Text { get; }

    public SyntaxNode Root { get; }

    public static Source Of(string file) => Parsed.GetOrAdd(file, f => new Source(f));

    /// <summary>The C# files whose path starts with one of the prefixes.</summary>
    public static IEnumerable<Source> Under(params string[] prefixes) =>
        Checkout.CSharpFiles.Where(f => prefixes.Any(p => f.StartsWith(p, StringComparison.Ordinal))).Select(Of);

    public string Place(SyntaxNode node) => $"{File}:{node.GetLocation().GetLineSpan().StartLinePosition.Line + 1}";

    public string Place(SyntaxToken token) => $"{File}:{token.GetLocation().GetLineSpan().StartLinePosition.Line + 1}";
}
