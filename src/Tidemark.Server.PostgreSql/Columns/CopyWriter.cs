using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Tidemark.Server.PostgreSql.Columns;

/// <summary>Rows as COPY takes them in its binary format: of each field its length and its bytes, numbers big-endian.</summary>
internal sealed class CopyWriter
{
    private const int Null = -1;
    private const byte JsonbVersion = 1;
    private const int GuidBytes = 16;
    private readonly ArrayBufferWriter<byte> _buffer;

    public CopyWriter(int bytes) => _buffer = new ArrayBufferWriter<byte>(bytes);

    public ReadOnlyMemory<byte> Written => _buffer.WrittenMemory;

    public void Clear() => _buffer.ResetWrittenCount();

    /// <summary>The signature, no flags, no extension.</summary>
    public void Begin() => _buffer.Write(Signature);

    public void End() => WriteCount(Null);

    public void BeginRow(int fields) => WriteCount((short)fields);

    public void WriteNull() => WriteLength(Null);

    public void Write(bool value)
    {
        WriteLength(1);
        _buffer.GetSpan(1)[0] = value ? (byte)1 : (byte)0;
        _buffer.Advance(1);
    }

    public void Write(long value)
    {
        var span = _buffer.GetSpan(sizeof(int) + sizeof(long));
        BinaryPrimitives.WriteInt32BigEndian(span, sizeof(long));
        BinaryPrimitives.WriteInt64BigEndian(span[sizeof(int)..], value);
        _buffer.Advance(sizeof(int) + sizeof(long));
    }

    public void Write(double value) => Write(BitConverter.DoubleToInt64Bits(value));

    public void Write(Guid value)
    {
        WriteLength(GuidBytes);
        value.TryWriteBytes(_buffer.GetSpan(GuidBytes), bigEndian: true, out _);
        _buffer.Advance(GuidBytes);
    }

    public void Write(ReadOnlySpan<byte> value)
    {
        WriteLength(value.Length);
        _buffer.Write(value);
    }

    public void Write(string value)
    {
        var span = _buffer.GetSpan(sizeof(int) + Encoding.UTF8.GetMaxByteCount(value.Length));
        var bytes = Encoding.UTF8.GetBytes(value, span[sizeof(int)..]);
        BinaryPrimitives.WriteInt32BigEndian(span, bytes);
        _buffer.Advance(sizeof(int) + bytes);
    }

    public void WriteJsonb(string json)
    {
        var span = _buffer.GetSpan(sizeof(int) + 1 + Encoding.UTF8.GetMaxByteCount(json.Length));
        span[sizeof(int)] = JsonbVersion;
        var bytes = 1 + Encoding.UTF8.GetBytes(json, span[(sizeof(int) + 1)..]);
        BinaryPrimitives.WriteInt32BigEndian(span, bytes);
        _buffer.Advance(sizeof(int) + bytes);
    }

    private static ReadOnlySpan<byte> Signature => [(byte)'P', (byte)'G', (byte)'C', (byte)'O', (byte)'P', (byte)'Y', (byte)'\n', 0xff, (byte)'\r', (byte)'\n', 0, 0, 0, 0, 0, 0, 0, 0, 0];

    private void WriteLength(int length)
    {
        BinaryPrimitives.WriteInt32BigEndian(_buffer.GetSpan(sizeof(int)), length);
        _buffer.Advance(sizeof(int));
    }

    private void WriteCount(short count)
    {
        BinaryPrimitives.WriteInt16BigEndian(_buffer.GetSpan(sizeof(short)), count);
        _buffer.Advance(sizeof(short));
    }
}
