using System.IO.Compression;

namespace Tidemark.Health.Importing;

/// <summary>Which samples an import has met, by their place: two bits each, for the top level and for the inside of others.</summary>
internal sealed class SeenBits
{
    public const int Top = 1;
    public const int Nested = 2;
    private byte[] _bits = new byte[64 * 1024];

    public int this[long seq]
    {
        get => seq / 4 < _bits.Length ? (_bits[seq / 4] >> (int)(seq % 4 * 2)) & 3 : 0;
        set
        {
            if (seq / 4 >= _bits.Length)
            {
                Array.Resize(ref _bits, (int)Math.Max(_bits.Length * 2L, (seq / 4) + 1));
            }

            var shift = (int)(seq % 4 * 2);
            _bits[seq / 4] = (byte)((_bits[seq / 4] & ~(3 << shift)) | (value << shift));
        }
    }

    public byte[] ToBytes()
    {
        using var buffer = new MemoryStream();
        using (var deflate = new DeflateStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        {
            deflate.Write(_bits);
        }

        return buffer.ToArray();
    }

    public static SeenBits Parse(byte[] bytes)
    {
        using var inflated = new MemoryStream();
        using (var deflate = new DeflateStream(new MemoryStream(bytes), CompressionMode.Decompress))
        {
            deflate.CopyTo(inflated);
        }

        return new SeenBits { _bits = inflated.ToArray() };
    }
}
