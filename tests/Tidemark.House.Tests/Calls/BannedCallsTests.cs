using Microsoft.CodeAnalysis.CSharp;

namespace Tidemark.House.Tests.Calls;

public sealed class BannedCallsTests
{
    [Theory]
    [InlineData("File.Open(path)", 1)]
    [InlineData("System.IO.File.Open(path)", 1)]
    [InlineData("global::System.IO.File.Open(path)", 1)]
    [InlineData("Array.ConvertAll(paths, File.Open)", 1)]
    [InlineData("new Thread(Work)", 1)]
    [InlineData("new System.Threading.Thread(Work)", 1)]
    [InlineData("File.OpenX(path)", 0)]
    [InlineData("MyFile.Open(path)", 0)]
    [InlineData("Say(\"File.Open(path) new Thread()\")", 0)]
    [InlineData("Say(/* File.Open(path) */ 1)", 0)]
    [InlineData("Say($\"{File.Open(path)}\")", 1)]
    [InlineData("new ThreadSafeThing()", 0)]
    public void Code_is_found_and_strings_and_comments_are_not(string expression, int expected)
    {
        var root = CSharpSyntaxTree.ParseText($"class C {{ object M() => {expression}; }}", cancellationToken: TestContext.Current.CancellationToken)
            .GetRoot(TestContext.Current.CancellationToken);
        Assert.Equal(expected, BannedCalls.Find(root, ["File.Open"], ["Thread"]).Count());
    }

    [Fact]
    public void A_type_named_on_the_left_is_found_too()
    {
        var root = CSharpSyntaxTree.ParseText("class C { private readonly Thread worker = new(Work); }", cancellationToken: TestContext.Current.CancellationToken)
            .GetRoot(TestContext.Current.CancellationToken);
        Assert.Single(BannedCalls.Find(root, [], ["Thread"]));
    }
}
