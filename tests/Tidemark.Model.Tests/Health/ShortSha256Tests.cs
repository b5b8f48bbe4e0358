using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Tidemark.Model.Health;
using Xunit;

namespace Tidemark.Model.Tests.Health;

public sealed class ShortSha256Tests
{
    [Fact]
    public void Digests_are_those_of_the_platform_at_every_length()
    {
        var text = new byte[ShortSha256.BytesMax];
        var digest = new byte[SHA256.HashSizeInBytes];
        for (var round = 0; round < 50; round++)
        {
            for (var length = 0; length <= ShortSha256.BytesMax; length++)
            {
                for (var i = 0; i < length; i++)
                {
                    text[i] = (byte)((round * 131) + (i * 7) + (length * 29) + (text[i] * 5));
                }

                ShortSha256.HashData(text.AsSpan(0, length), digest);
                Assert.Equal(SHA256.HashData(text.AsSpan(0, length)), digest);
            }
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => ShortSha256.HashData(new byte[ShortSha256.BytesMax + 1], digest));
    }

    [Fact]
    public void Eight_at_once_have_the_identities_that_each_has_alone()
    {
        var random = new Random(9);
        var facts = new IdentityFacts[27];
        for (var i = 0; i < facts.Length; i++)
        {
            var series = new byte[18];
            random.NextBytes(series);
            facts[i] = new IdentityFacts(series, random.NextInt64(-5_000, 4_000_000_000_000), random.NextInt64(), random.NextInt64());
        }

        var ids = new Guid[facts.Length];
        HealthIdentity.OfMany(facts, ids);
        Assert.Equal(facts.Select(f => HealthIdentity.Of(f.Series, f.StartMs, f.EndMs, f.Value, 0)), ids);
    }

    [Fact]
    public void Eight_at_once_have_the_digests_of_the_platform()
    {
        var texts = Enumerable.Range(0, EightSha256.Lanes).Select(lane => Enumerable.Range(0, 44).Select(i => (byte)((lane * 37) + (i * 11))).ToArray()).ToArray();
        Span<Vector256<uint>> words = stackalloc Vector256<uint>[11];
        for (var i = 0; i < words.Length; i++)
        {
            words[i] = Vector256.Create([.. texts.Select(t => BinaryPrimitives.ReadUInt32BigEndian(t.AsSpan(i * 4)))]);
        }

        Span<Vector256<uint>> digest = stackalloc Vector256<uint>[8];
        EightSha256.HashData(words, digest);
        for (var lane = 0; lane < texts.Length; lane++)
        {
            var expected = SHA256.HashData(texts[lane]);
            for (var i = 0; i < digest.Length; i++)
            {
                Assert.Equal(BinaryPrimitives.ReadUInt32BigEndian(expected.AsSpan(i * 4)), digest[i][lane]);
            }
        }
    }
}
