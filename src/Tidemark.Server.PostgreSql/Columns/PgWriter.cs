using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Tidemark.Server.PostgreSql.Columns;

/// <summary>Values as PostgreSQL has them in binary, each with its length before it, numbers big-endian: the format of COPY. In memory that is used again: megabytes in a second would fill the large object heap.</summary>
internal sealed class PgWriter(int bytes) : IDisposable
{
    private const int Null = -1;
    private const byte JsonbVersion = 1;
    private const int GuidBytes = 16;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(bytes);
    private int _length;

    public int Length => _length;

    public ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, _length);

    public void Clear() => _length = 0;

    public void Dispose()
    {
        var buffer = _buffer;
        _buffer = [];
        _length = 0;
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Of a COPY: the signature, no flags, no extension.</summary>
    public void Begin() => WriteRaw(Signature);

    public void End() => WriteCount(Null);

    public void BeginRow(int fields) => WriteCount((short)fields);

    public void WriteNull() => WriteLength(Null);

    public void Write(bool value)
    {
        WriteLength(1);
        Grow(1)[0] = value ? (byte)1 : (byte)0;
    }

    public void Write(long value)
    {
        WriteLength(sizeof(long));
        WriteRaw(value);
    }

    public void Write(double value) => Write(BitConverter.DoubleToInt64Bits(value));

    public void Write(Guid value)
    {
        WriteLength(GuidBytes);
        WriteRaw(value);
    }

    public void Write(ReadOnlySpan<byte> value)
    {
        WriteLength(value.Length);
        WriteRaw(value);
    }

    public void Write(string value) => WriteText(value, []);

    public void WriteJsonb(string json) => WriteText(json, [JsonbVersion]);

    /// <summary>Without its length.</summary>
    public void WriteRaw(long value) => BinaryPrimitives.WriteInt64BigEndian(Grow(sizeof(long)), value);

    /// <summary>Without its length.</summary>
    public void WriteRaw(Guid value) => value.TryWriteBytes(Grow(GuidBytes), bigEndian: true, out _);

    private static ReadOnlySpan<byte> Signature => [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', (byte)'\n', 0xff, (byte)'\r', (byte)'\n', 0, 0, 0, 0, 0, 0, 0, 0, 0];

    private void WriteText(string value, ReadOnlySpan<byte> before)
    {
        var most = sizeof(int) + before.Length + Encoding.UTF8.GetMaxByteCount(value.Length);
        var span = Grow(most);
        before.CopyTo(span[sizeof(int)..]);
        var written = before.Length + Encoding.UTF8.GetBytes(value, span[(sizeof(int) + before.Length)..]);
        BinaryPrimitives.WriteInt32BigEndian(span, written);
        _length -= most - sizeof(int) - written;
    }

    private void WriteRaw(ReadOnlySpan<byte> value) => value.CopyTo(Grow(value.Length));

    private void WriteLength(int length) => BinaryPrimitives.WriteInt32BigEndian(Grow(sizeof(int)), length);

    private void WriteCount(short count) => BinaryPrimitives.WriteInt16BigEndian(Grow(sizeof(short)), count);

    private Span<byte> Grow(int size)
    {
        if (_buffer.Length - _length < size)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_length + size, _buffer.Length * 2));
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        var span = _buffer.AsSpan(_length, size);
        _length += size;
        return span;
    }
}
