using System.Text.Json.Nodes;
using Tidemark.Client.Encryption;
using Tidemark.Client.Environment;

namespace Tidemark.Client.Tests.Encryption;

[Trait("req", "REM-07")]
public sealed class WrappedKeysTests
{
    private static readonly RandomSource Chance = SyncEnvironment.System.Random;
    private readonly KeyRing _ring = KeyRing.Empty.Rotated(Chance).Rotated(Chance);

    [Fact]
    public void Keys_come_back_with_their_passphrase_and_with_no_other()
    {
        var wrapped = WrappedKeys.Wrap(_ring, "\u00e9t\u00e9 am See", Chance);
        var opened = WrappedKeys.Open(wrapped, "\u00e9t\u00e9 am See");
        Assert.Equal(_ring.Keys.Select(k => (k.Id, k.Epoch)), opened.Keys.Select(k => (k.Id, k.Epoch)));
        Assert.Equal(3 - 1, _ring.With(opened).Keys.Count); // The same secrets: two rings of one name each would be refused otherwise.
        Assert.Equal(CipherTrouble.Refused, Assert.Throws<FieldCipherException>(() => WrappedKeys.Open(wrapped, "ete am See")).Trouble);
        Assert.Equal(_ring.Keys.Select(k => (k.Id, k.Epoch)), WrappedKeys.List(wrapped));
        Assert.NotEqual(wrapped, WrappedKeys.Wrap(_ring, "\u00e9t\u00e9 am See", Chance));
    }

    [Fact]
    public void Another_passphrase_wraps_the_same_keys()
    {
        var changed = WrappedKeys.ChangePassphrase(WrappedKeys.Wrap(_ring, "one", Chance), "one", "two", Chance);
        Assert.Equal(2, _ring.With(WrappedKeys.Open(changed, "two")).Keys.Count);
        Assert.Throws<FieldCipherException>(() => WrappedKeys.Open(changed, "one"));
        Assert.Throws<ArgumentException>(() => WrappedKeys.Wrap(_ring, "", Chance));
    }

    [Theory]
    [InlineData("iterations", "1000", CipherTrouble.UnknownEnvelope)] // Cheap to guess.
    [InlineData("iterations", "2000000000", CipherTrouble.UnknownEnvelope)] // Never done.
    [InlineData("iterations", "600001", CipherTrouble.Refused)]
    [InlineData("version", "2", CipherTrouble.UnknownEnvelope)]
    [InlineData("kdf", "\"md5\"", CipherTrouble.UnknownEnvelope)]
    [InlineData("salt", "\"AAAA\"", CipherTrouble.UnknownEnvelope)]
    [InlineData("keys.0.epoch", "9", CipherTrouble.Refused)]
    [InlineData("keys.0.id", "\"00000000-0000-0000-0000-000000000001\"", CipherTrouble.Refused)]
    [InlineData("keys.0.key", "\"AAAA\"", CipherTrouble.UnknownEnvelope)]
    public void Nothing_in_it_can_be_changed(string path, string value, CipherTrouble trouble)
    {
        var json = JsonNode.Parse(WrappedKeys.Wrap(_ring, "one", Chance))!;
        var parts = path.Split('.');
        var at = parts.Length == 1 ? json : json["keys"]![0]!;
        at[parts[^1]] = JsonNode.Parse(value);
        Assert.Equal(trouble, Assert.Throws<FieldCipherException>(() => WrappedKeys.Open(json.ToJsonString(), "one")).Trouble);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[1]")]
    public void What_is_no_wrapping_is_said_to_be_none(string text) =>
        Assert.Equal(CipherTrouble.UnknownEnvelope, Assert.Throws<FieldCipherException>(() => WrappedKeys.Open(text, "one")).Trouble);
}
