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
}
