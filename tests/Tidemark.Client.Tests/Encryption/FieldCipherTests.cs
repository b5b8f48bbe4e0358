using System.Buffers.Text;
using Tidemark.Client.Encryption;
using Tidemark.Client.Environment;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.Encryption;

[Trait("req", "REM-07")]
public sealed class FieldCipherTests
{
    private static readonly FieldPlace Place = new("app", "note", "\"n1\"", "body", "0190-1");
    private readonly FieldCipher _cipher = new(SyncEnvironment.System.Random);
    private readonly KeyRing _ring = KeyRing.Empty.Rotated(SyncEnvironment.System.Random);

    public static TheoryData<Value> Values =>
    [
        Value.Integer(long.MinValue), Value.Integer(0), Value.Integer((1L << 53) + 1), Value.Real(-0.0), Value.Real(double.Epsilon), Value.Text(""), Value.Text("h\u00e9llo \U0001F30A"),
        Value.Text(new string('x', 100_000)), Value.Blob([]), Value.Blob([0, 255, 0]),
    ];

    [Theory]
    [MemberData(nameof(Values))]
    public void Every_kind_of_value_comes_back_exactly_and_looks_different_each_time(Value value)
    {
        var (one, two) = (_cipher.Encrypt(_ring.Current!, Place, value), _cipher.Encrypt(_ring.Current!, Place, value));
        Assert.NotEqual(one, two);
        Assert.Equal(value, _cipher.Decrypt(_ring, Place, one));
        Assert.Equal(value, _cipher.Decrypt(_ring, Place, two));
        Assert.Equal(value.Kind, _cipher.Decrypt(_ring, Place, two).Kind);
        Assert.Equal(_ring.Current!.Id, FieldCipher.KeyIdOf(one));
    }

    [Fact]
    public void A_null_stays_one_and_what_is_absent_is_not_encrypted()
    {
        Assert.True(_cipher.Encrypt(_ring.Current!, Place, Value.Null).IsNull);
        Assert.True(_cipher.Decrypt(_ring, Place, Value.Null).IsNull);
        Assert.Throws<ArgumentException>(() => _cipher.Encrypt(_ring.Current!, Place, Value.Absent));
    }

    [Fact]
    public void A_value_is_read_at_its_place_only()
    {
        var value = _cipher.Encrypt(_ring.Current!, Place, Value.Text("secret"));
        FieldPlace[] others =
        [
            Place with { App = "other" }, Place with { Entity = "task" }, Place with { Row = "\"n2\"" }, Place with { Field = "title" }, Place with { Stamp = "0190-2" },

            // The same letters, parted elsewhere.
            Place with { App = "appn", Entity = "ote" },
        ];
        Assert.All(others, place => Assert.Equal(CipherTrouble.Refused, Assert.Throws<FieldCipherException>(() => _cipher.Decrypt(_ring, place, value)).Trouble));
    }

    [Fact]
    public void No_bit_of_it_can_be_changed()
    {
        var envelope = Base64Url.DecodeFromChars(_cipher.Encrypt(_ring.Current!, Place, Value.Text("secret")).AsText);
        for (var bit = 0; bit < envelope.Length * 8; bit += 3)
        {
            var changed = (byte[])envelope.Clone();
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<FieldCipherException>(() => _cipher.Decrypt(_ring, Place, Value.Text(Base64Url.EncodeToString(changed))));
        }

        for (var length = 0; length < envelope.Length; length += 7)
        {
            Assert.Throws<FieldCipherException>(() => _cipher.Decrypt(_ring, Place, Value.Text(Base64Url.EncodeToString(envelope.AsSpan(0, length)))));
        }
    }

    [Fact]
    public void What_cannot_be_read_says_why_and_names_the_key_it_wants()
    {
        var value = _cipher.Encrypt(_ring.Current!, Place, Value.Text("secret"));
        var missing = Assert.Throws<FieldCipherException>(() => _cipher.Decrypt(KeyRing.Empty, Place, value));
        Assert.Equal((CipherTrouble.MissingKey, _ring.Current!.Id), (missing.Trouble, missing.KeyId!.Value));

        // Another secret by the same name: the commitment tells before anything is decrypted.
        var other = new KeyRing([new FieldKey(_ring.Current.Id, 1, new byte[32])]);
        Assert.Equal(CipherTrouble.Refused, Assert.Throws<FieldCipherException>(() => _cipher.Decrypt(other, Place, value)).Trouble);
        foreach (var strange in new[] { Value.Text("plain"), Value.Text("not base64url!"), Value.Integer(5), Value.Text("") })
        {
            Assert.Equal(CipherTrouble.UnknownEnvelope, Assert.Throws<FieldCipherException>(() => _cipher.Decrypt(_ring, Place, strange)).Trouble);
            Assert.Null(FieldCipher.KeyIdOf(strange));
        }
    }

    [Fact]
    public void After_a_rotation_new_values_are_under_the_new_key_old_ones_stay_readable_and_are_renewed_once()
    {
        var old = _cipher.Encrypt(_ring.Current!, Place, Value.Integer(7));
        var rotated = _ring.Rotated(SyncEnvironment.System.Random);
        Assert.Equal((2, 2), (rotated.Keys.Count, rotated.Current!.Epoch));
        Assert.Equal(Value.Integer(7), _cipher.Decrypt(rotated, Place, old));
        var renewed = _cipher.Renew(rotated, Place, old);
        Assert.Equal(rotated.Current.Id, FieldCipher.KeyIdOf(renewed));
        Assert.Equal(Value.Integer(7), _cipher.Decrypt(rotated, Place, renewed));
        Assert.Equal(renewed, _cipher.Renew(rotated, Place, renewed)); // Nobody rewrites what need not be.
        Assert.Throws<InvalidOperationException>(() => _cipher.Renew(KeyRing.Empty, Place, old));
    }

    [Fact]
    public void Two_devices_that_rotate_at_once_end_with_the_same_current_key()
    {
        var (a, b) = (_ring.Rotated(SyncEnvironment.System.Random), _ring.Rotated(SyncEnvironment.System.Random));
        Assert.Equal(a.With(b).Current!.Id, b.With(a).Current!.Id);
        Assert.Equal(3, a.With(b).Keys.Count);
        var clash = new KeyRing([new FieldKey(_ring.Current!.Id, 1, new byte[32])]);
        Assert.Throws<ArgumentException>(() => _ring.With(clash));
    }

    [Fact]
    public void Lengths_tell_little()
    {
        int LengthOf(string text) => _cipher.Encrypt(_ring.Current!, Place, Value.Text(text)).AsText.Length;
        Assert.Equal(LengthOf(""), LengthOf(new string('x', 27)));
        Assert.Equal(LengthOf(new string('x', 28)), LengthOf(new string('x', 59)));
        foreach (var length in Enumerable.Range(0, 5000).Append(1_000_000))
        {
            var padded = PlainForm.Padded(length);
            Assert.True(padded >= length && padded <= Math.Max(length + 32, length * 9L / 8), $"{length} is {padded}");
        }
    }
}
