using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Tidemark.House.Tests.Calls;

internal static class BannedCalls
{
    /// <summary>Uses of the members ("File.Open") and creations of the types ("Thread") in code; a namespace before the name does not hide it.</summary>
    public static IEnumerable<SyntaxNode> Find(SyntaxNode root, string[] members, string[] types)
    {
        foreach (var node in root.DescendantNodes())
        {
            var found = node switch
            {
                MemberAccessExpressionSyntax access => members.Any(m => IsOrEndsWith(access.ToString(), m)),
                ObjectCreationExpressionSyntax creation => types.Any(t => IsOrEndsWith(creation.Type.ToString(), t)),
                ImplicitObjectCreationExpressionSyntax creation => TypeOfTarget(creation) is { } target && types.Any(t => IsOrEndsWith(target, t)),
                _ => false,
            };
            if (found)
            {
                yield return node;
            }
        }
    }

    private static bool IsOrEndsWith(string text, string name) =>
        text == name || (text.EndsWith(name, StringComparison.Ordinal) && text[^(name.Length + 1)] is '.' or ':');

    // Thread worker = new(...);  private readonly Timer timer = new(...);
    private static string? TypeOfTarget(ImplicitObjectCreationExpressionSyntax creation) =>
        creation.Parent is EqualsValueClauseSyntax { Parent: VariableDeclaratorSyntax { Parent: VariableDeclarationSyntax declaration } }
            ? declaration.Type.ToString().TrimEnd('?')
            : null;
}
