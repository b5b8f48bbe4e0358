namespace Tidemark.Server.Tests.Http;

public sealed class WireSnapshotTests
{
    // Another hash means another wire. Devices that are out there must still be understood: when that is so, put the new
    // hash here and say in CHANGELOG.md what was added; when it is not, raise ProtocolVersion.Current too.
    private const string Approved = "62131dea87edbb95237e7f59e6c0ebf1cc5350722e742d64fc7d5a41979dbbde";

    [Fact]
    [Trait("req", "SRV-01")]
    public void The_wire_is_the_one_that_was_approved() =>
        Assert.True(
            string.Equals(Approved, WireShapes.Hash, StringComparison.Ordinal),
            $"The wire's hash is {WireShapes.Hash}. Its lines:\n{string.Join('\n', WireShapes.Lines)}");
}
