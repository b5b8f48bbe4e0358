namespace Tidemark.Server.Tests.Http;

public sealed class WireSnapshotTests
{
    // Another hash means another wire. Devices that are out there must still be understood: when that is so, put the new
    // hash here and say in CHANGELOG.md what was added; when it is not, raise ProtocolVersion.Current too.
    private const string Approved = "4e547416706852719634d6b6a2ad8b0c99520c2786d632cf31f77817dbc9b15f";

    [Fact]
    [Trait("req", "SRV-01")]
    public void The_wire_is_the_one_that_was_approved() =>
        Assert.True(
            string.Equals(Approved, WireShapes.Hash, StringComparison.Ordinal),
            $"The wire's hash is {WireShapes.Hash}. Its lines:\n{string.Join('\n', WireShapes.Lines)}");
}
