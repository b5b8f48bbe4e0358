using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Tidemark.Model.Entities;

namespace Tidemark.Model.Values;

/// <summary>
/// Writes JSON in the canonical form of RFC 8785 with one addition: integers beyond 2^53-1 are strings.
/// Members are written in the order asked for; whoever calls keeps them sorted by UTF-16 code units.
/// </summary>
public sealed class CanonicalJsonWriter : IDisposable
{
    /// <summary>The largest integer that every JSON reader keeps exact.</summary>
    public const long SafeIntegerMax = (1L << 53) - 1;

    private static readonly SearchValues<byte> MustEscape = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(i => (byte)i), (byte)'"', (byte)'\\']);

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(1024);
    private int _length;

    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _length);

    public ReadOnlyMemory<byte> WrittenMemory => _buffer.AsMemory(0, _length);

    public int Length => _length;

    public void Clear() => _length = 0;

    /// <summary>Takes back what was written after a length seen before.</summary>
    internal void Truncate(int length) => _length = length;

    /// <summary>Moves what was written to make room before it.</summary>
    internal Span<byte> InsertFront(int size)
    {
        var written = _length;
        Grow(size);
        _buffer.AsSpan(0, written).CopyTo(_buffer.AsSpan(size));
        return _buffer.AsSpan(0, size);
    }

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

    public byte[] ToArray() => Written.ToArray();

    public void WriteRaw(ReadOnlySpan<byte> utf8) => utf8.CopyTo(Grow(utf8.Length));

    public void WriteByte(byte value) => Grow(1)[0] = value;

    /// <exception cref="InvalidOperationException">Half of a surrogate pair: it has no UTF-8 form, and another character would be another value.</exception>
    public void WriteString(string value)
    {
        if (!TryWriteString(value, mayHoldNul: true))
        {
            throw new InvalidOperationException("Text with half of a surrogate pair has no wire form.");
        }
    }

    /// <summary>False, and nothing is written, when the text cannot be synced: it holds NUL or half of a surrogate pair.</summary>
    internal bool TryWriteText(string value) => TryWriteString(value, mayHoldNul: false);

    public void WriteUtf8String(ReadOnlySpan<byte> utf8)
    {
        WriteByte((byte)'"');
        WriteEscaped(utf8);
        WriteByte((byte)'"');
    }

    /// <summary>Lower case with dashes.</summary>
    public void WriteGuid(Guid value)
    {
        WriteByte((byte)'"');
        Utf8Formatter.TryFormat(value, Grow(36), out _);
        WriteByte((byte)'"');
    }

    public void WriteInteger(long value)
    {
        var quoted = value is > SafeIntegerMax or < -SafeIntegerMax;
        var span = Grow(22);
        var start = 0;
        if (quoted)
        {
            span[start++] = (byte)'"';
        }

        Utf8Formatter.TryFormat(value, span[start..], out var written);
        start += written;
        if (quoted)
        {
            span[start++] = (byte)'"';
        }

        _length -= 22 - start;
    }

    /// <summary>The number form of ECMAScript. Infinities have no JSON form: they are written as text.</summary>
    public void WriteDouble(double value)
    {
        if (!double.IsFinite(value))
        {
            WriteString(value > 0 ? "Infinity" : "-Infinity");
            return;
        }

        // Up to 15 digits before the point and four zeros after it both forms are the same.
        Span<byte> shortest = stackalloc byte[32];
        if (value != 0 && value.TryFormat(shortest, out var length, "R", CultureInfo.InvariantCulture) && !shortest[..length].Contains((byte)'E'))
        {
            WriteRaw(shortest[..length]);
            return;
        }

        WriteRaw(Encoding.ASCII.GetBytes(EcmaScriptNumber(value)));
    }

    public void WriteBase64(ReadOnlySpan<byte> bytes)
    {
        WriteByte((byte)'"');
        var size = Base64.GetMaxEncodedToUtf8Length(bytes.Length);
        Base64.EncodeToUtf8(bytes, Grow(size), out _, out var written);
        _length -= size - written;
        WriteByte((byte)'"');
    }

    /// <summary>A key: its JSON value, or an array of them for a composite key.</summary>
    public void WriteKey(EntityKey key)
    {
        if (key.Count == 1)
        {
            WriteExact(key[0]);
            return;
        }

        WriteByte((byte)'[');
        for (var i = 0; i < key.Count; i++)
        {
            if (i > 0)
            {
                WriteByte((byte)',');
            }

            WriteExact(key[i]);
        }

        WriteByte((byte)']');
    }

    /// <summary>A key with its fields' types known.</summary>
    public void WriteKey(EntityType type, EntityKey key)
    {
        var ordinals = type.Index.Key;
        if (ordinals.Length == 1)
        {
            WriteValue(type.Index.Fields[ordinals[0]], key[0]);
            return;
        }

        for (var i = 0; i < ordinals.Length; i++)
        {
            WriteByte(i == 0 ? (byte)'[' : (byte)',');
            WriteValue(type.Index.Fields[ordinals[i]], key[i]);
        }

        WriteByte((byte)']');
    }

    /// <summary>A value of a field in its wire form.</summary>
    public void WriteValue(Field field, Value value)
    {
        switch (field.Type)
        {
            case FieldType.Boolean when value.Kind == ValueKind.Integer:
                WriteRaw(value.AsInteger != 0 ? "true"u8 : "false"u8);
                break;
            case FieldType.Real when value.Kind == ValueKind.Real:
                WriteDouble(value.AsReal);
                break;
            case FieldType.Integer when value.Kind == ValueKind.Integer:
                WriteInteger(value.AsInteger);
                break;
            case FieldType.Blob when value.Kind == ValueKind.Blob:
                WriteBase64(value.AsBlob);
                break;
            case FieldType.Json when value.Kind == ValueKind.Text:
                WriteUtf16(value.AsText);
                break;
            default:
                WriteExact(value);
                break;
        }
    }

    /// <summary>A value with its storage class: tagged where JSON could not tell the class.</summary>
    public void WriteExact(Value value)
    {
        switch (value.Kind)
        {
            case ValueKind.Null:
                WriteRaw("null"u8);
                break;
            case ValueKind.Integer when value.AsInteger is >= -SafeIntegerMax and <= SafeIntegerMax:
                WriteInteger(value.AsInteger);
                break;
            case ValueKind.Integer:
                WriteRaw("{\"t\":\"i\",\"v\":"u8);
                WriteInteger(value.AsInteger);
                WriteByte((byte)'}');
                break;
            case ValueKind.Real when double.IsFinite(value.AsReal) && value.AsReal != Math.Floor(value.AsReal):
                WriteDouble(value.AsReal);
                break;
            case ValueKind.Real:
                WriteRaw("{\"t\":\"r\",\"v\":"u8);
                WriteDouble(value.AsReal);
                WriteByte((byte)'}');
                break;
            case ValueKind.Text:
                WriteString(value.AsText);
                break;
            case ValueKind.Blob:
                WriteRaw("{\"t\":\"b\",\"v\":"u8);
                WriteBase64(value.AsBlob);
                WriteByte((byte)'}');
                break;
            default:
                throw new InvalidOperationException($"A value that is {value.Kind} has no wire form.");
        }
    }

    internal static string EcmaScriptNumber(double value)
    {
        if (value == 0)
        {
            return "0";
        }

        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var negative = shortest[0] == '-';
        var body = negative ? shortest[1..] : shortest;
        var exponentAt = body.IndexOf('E', StringComparison.Ordinal);
        var exponent = exponentAt < 0 ? 0 : int.Parse(body.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        var mantissa = exponentAt < 0 ? body : body[..exponentAt];
        var dot = mantissa.IndexOf('.', StringComparison.Ordinal);
        var digits = dot < 0 ? mantissa : mantissa.Remove(dot, 1);
        var pointAt = (dot < 0 ? mantissa.Length : dot) + exponent;
        var leading = digits.Length - digits.TrimStart('0').Length;
        digits = digits[leading..].TrimEnd('0');
        pointAt -= leading;
        return (negative ? "-" : "") + Layout(digits, pointAt);
    }

    private static string Layout(string digits, int pointAt)
    {
        if (pointAt is > 0 and <= 21)
        {
            return digits.Length <= pointAt ? digits.PadRight(pointAt, '0') : digits.Insert(pointAt, ".");
        }

        if (pointAt is > -6 and <= 0)
        {
            return "0." + new string('0', -pointAt) + digits;
        }

        var exponent = pointAt - 1;
        var mantissa = digits.Length == 1 ? digits : digits.Insert(1, ".");
        return mantissa + "e" + (exponent < 0 ? "-" : "+") + Math.Abs(exponent).ToString(CultureInfo.InvariantCulture);
    }

    private bool TryWriteString(string value, bool mayHoldNul)
    {
        var start = _length;
        var room = RoomOf(value) + 2;
        var span = Grow(room);
        span[0] = (byte)'"';
        if (Utf8.FromUtf16(value, span[1..^1], out _, out var size, replaceInvalidSequences: false) != OperationStatus.Done)
        {
            _length = start;
            return false;
        }

        var text = span.Slice(1, size);
        var escape = text.IndexOfAny(MustEscape);
        if (escape < 0)
        {
            span[size + 1] = (byte)'"';
            _length = start + size + 2;
            return true;
        }

        if (!mayHoldNul && text[escape..].Contains((byte)0))
        {
            _length = start;
            return false;
        }

        _length = start + 1 + size;
        EscapeFrom(start + 1 + escape);
        WriteByte((byte)'"');
        return true;
    }

    private static int RoomOf(string value) => value.Length <= 4096 ? value.Length * 3 : Encoding.UTF8.GetByteCount(value);

    private void WriteUtf16(string value)
    {
        var room = RoomOf(value);
        if (Utf8.FromUtf16(value, Grow(room), out _, out var written, replaceInvalidSequences: false) != OperationStatus.Done)
        {
            _length -= room;
            throw new InvalidOperationException("Text with half of a surrogate pair has no wire form.");
        }

        _length -= room - written;
    }

    private void EscapeFrom(int start)
    {
        var size = _length - start;
        var rest = ArrayPool<byte>.Shared.Rent(size);
        _buffer.AsSpan(start, size).CopyTo(rest);
        _length = start;
        WriteEscaped(rest.AsSpan(0, size));
        ArrayPool<byte>.Shared.Return(rest);
    }

    private void WriteEscaped(ReadOnlySpan<byte> utf8)
    {
        while (true)
        {
            var index = utf8.IndexOfAny(MustEscape);
            if (index < 0)
            {
                WriteRaw(utf8);
                return;
            }

            WriteRaw(utf8[..index]);
            WriteEscape(utf8[index]);
            utf8 = utf8[(index + 1)..];
        }
    }

    private void WriteEscape(byte value)
    {
        switch (value)
        {
            case (byte)'"': WriteRaw("\\\""u8); break;
            case (byte)'\\': WriteRaw("\\\\"u8); break;
            case 8: WriteRaw("\\b"u8); break;
            case 9: WriteRaw("\\t"u8); break;
            case 10: WriteRaw("\\n"u8); break;
            case 12: WriteRaw("\\f"u8); break;
            case 13: WriteRaw("\\r"u8); break;
            default:
                WriteRaw("\\u00"u8);
                WriteRaw(Encoding.ASCII.GetBytes(value.ToString("x2", CultureInfo.InvariantCulture)));
                break;
        }
    }

    private Span<byte> Grow(int size)
    {
        if (_length + size > _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _length + size));
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        var span = _buffer.AsSpan(_length, size);
        _length += size;
        return span;
    }
}
