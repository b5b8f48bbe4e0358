namespace Tidemark.Server.Tests.Http;

public sealed class WireSnapshotTests
{
    // Another hash means another wire. Devices that are out there must still be understood: when that is so, put the new
    // hash here and say in CHANGELOG.md what was added; when it is not, raise ProtocolVersion.Current too.
    private const string Approved = "0d4480d4ac27c856a2309dc504120dcd5b14967ce4b0e2fb5d6da2965078df54";

    [Fact]
    [Trait("req", "SRV-01")]
    public void The_wire_is_the_one_that_was_approved() =>
        Assert.True(
            string.Equals(Approved, WireShapes.Hash, StringComparison.Ordinal),
            $"The wire's hash is {WireShapes.Hash}. Its lines:\n{string.Join('\n', WireShapes.Lines)}");
}
