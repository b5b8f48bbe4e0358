using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Tidemark.House.Tests.Repository;

namespace Tidemark.House.Tests.Docs;

/// <summary>docs/internals/observability.md says what the code tells: all of it and nothing else.</summary>
public sealed partial class ObservabilityTests
{
    private static readonly string Page = Checkout.Read("docs/internals/observability.md");

    [Fact]
    [Trait("req", "RUN-16")]
    public void Every_instrument_and_activity_of_client_and_server_stands_in_the_table_and_every_one_there_exists()
    {
        var made = from source in Source.Under("src/Tidemark.Client/", "src/Tidemark.Server/")
                   from call in source.Root.DescendantNodes().OfType<InvocationExpressionSyntax>()
                   where MakesOne().IsMatch(call.Expression.ToString())
                   select ((LiteralExpressionSyntax)call.ArgumentList.Arguments[0].Expression).Token.ValueText;
        var listed = Row().Matches(Page).Select(m => m.Groups[1].Value).Where(n => n.StartsWith("tidemark.", StringComparison.Ordinal));
        Assert.Equal(made.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
    }

    [Fact]
    [Trait("req", "RUN-16")]
    public void Every_message_stands_in_the_table_with_its_id_and_level_and_no_id_is_given_twice()
    {
        var messages = (from source in Source.Under("src/Tidemark.Client/", "src/Tidemark.Health/", "src/Tidemark.Server.AspNetCore/")
                        from method in source.Root.DescendantNodes().OfType<MethodDeclarationSyntax>()
                        from attribute in method.AttributeLists.SelectMany(l => l.Attributes)
                        where attribute.Name.ToString() == "LoggerMessage"
                        let arguments = attribute.ArgumentList!.Arguments
                        select $"{arguments[0].Expression} {arguments[1].Expression.ToString().Split('.')[^1]} {method.Identifier}").ToList();
        Assert.NotEmpty(messages);
        Assert.Equal(messages.Order(StringComparer.Ordinal), Message().Matches(Page).Select(m => $"{m.Groups[1]} {m.Groups[2]} {m.Groups[3]}").Order(StringComparer.Ordinal));
        Assert.Equal(messages.Count, messages.Select(m => m.Split(' ')[0]).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    [Trait("req", "RUN-16")]
    public void Logs_are_source_generated_alone() =>
        Faults.None(
            from source in Source.Under("src/Tidemark.Client/", "src/Tidemark.Client.Hosting/", "src/Tidemark.Health/")
            from access in source.Root.DescendantNodes().OfType<MemberAccessExpressionSyntax>()
            where access.Name.Identifier.ValueText is "LogDebug" or "LogInformation" or "LogWarning" or "LogError" or "LogTrace" or "LogCritical"
            select source.Place(access),
            "A message has an id in Observing/SyncLog.cs:");

    [GeneratedRegex(@"Create(Counter|Histogram|UpDownCounter)<|\.StartActivity$|ObservableGauge", RegexOptions.None, 1000)]
    private static partial Regex MakesOne();

    [GeneratedRegex(@"^\| `([^`]+)` \|", RegexOptions.Multiline, 1000)]
    private static partial Regex Row();

    [GeneratedRegex(@"^\| (\d+) \| (\w+) \| `(\w+)`", RegexOptions.Multiline, 1000)]
    private static partial Regex Message();
}
