namespace Tidemark.Server.Tests.Http;

public sealed class WireSnapshotTests
{
    // Another hash means another wire. Devices that are out there must still be understood: when that is so, put the new
    // hash here and say in CHANGELOG.md what was added; when it is not, raise ProtocolVersion.Current too.
    private const string Approved = "cb9ca10f39bc753be6e741d339725592cd9345bce365e869adbadc84e86add0a";

    [Fact]
    [Trait("req", "SRV-01")]
    public void The_wire_is_the_one_that_was_approved() =>
        Assert.True(
            string.Equals(Approved, WireShapes.Hash, StringComparison.Ordinal),
            $"The wire's hash is {WireShapes.Hash}. Its lines:\n{string.Join('\n', WireShapes.Lines)}");
}
