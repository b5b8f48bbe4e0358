namespace Tidemark.Server.Tests.Http;

public sealed class WireSnapshotTests
{
    // Another hash means another wire. Devices that are out there must still be understood: when that is so, put the new
    // hash here and say in CHANGELOG.md what was added; when it is not, raise ProtocolVersion.Current too.
    private const string Approved = "a6d6d5d985e4a912cc40528b57a11ae74c114c6537b5790116c87150589b223b";

    [Fact]
    [Trait("req", "SRV-01")]
    public void The_wire_is_the_one_that_was_approved() =>
        Assert.True(
            string.Equals(Approved, WireShapes.Hash, StringComparison.Ordinal),
            $"The wire's hash is {WireShapes.Hash}. Its lines:\n{string.Join('\n', WireShapes.Lines)}");
}
