using System.Numerics;
using System.Runtime.Intrinsics;

namespace Tidemark.Health.Apple.Xml;

/// <summary>The attributes of a record, which most of a file is made of.</summary>
internal enum KnownAttribute
{
    None = -1,
    Type,
    Unit,
    Value,
    Device,
    EndDate,
    StartDate,
    SourceName,
    CreationDate,
    SourceVersion,
    Count,
}

internal enum TagOutcome
{
    Ok,

    /// <summary>The bytes end before the tag does.</summary>
    NeedMore,
    Malformed,
}

/// <summary>A place in the bytes that are being read.</summary>
internal readonly record struct Slice(int Start, int Length)
{
    public static Slice None => new(-1, 0);

    public bool Exists => Start >= 0;

    public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> data) => Start < 0 ? default : data.Slice(Start, Length);
}

/// <summary>One start tag, read without a document around it: names, quotes and nothing else is looked at.</summary>
internal sealed class Tag
{
    private const int AttributesMax = 256;
    private static readonly byte[][] Names = ["type"u8.ToArray(), "unit"u8.ToArray(), "value"u8.ToArray(), "device"u8.ToArray(), "endDate"u8.ToArray(), "startDate"u8.ToArray(), "sourceName"u8.ToArray(), "creationDate"u8.ToArray(), "sourceVersion"u8.ToArray()];
    private static readonly KnownAttribute[] ByLength = [.. Enumerable.Range(0, 14).Select(length => (KnownAttribute)Array.FindIndex(Names, n => n.Length == length))];
    private readonly Slice[] _known = new Slice[(int)KnownAttribute.Count];
    private static readonly Vector128<byte>[] Texts = [.. Names.Select(n => Padded(n, b => b))];
    private static readonly Vector128<byte>[] Masks = [.. Names.Select(n => Padded(n, static _ => byte.MaxValue))];
    private readonly (Slice Name, Slice Value)[] _all = new (Slice, Slice)[AttributesMax];

    // What followed each known attribute the last time; the first of a tag follows none. Records come type by type, and all of a type are written alike.
    private readonly KnownAttribute[] _after = new KnownAttribute[(int)KnownAttribute.Count + 1];
    private int _count;
    private KnownAttribute _before;

    public Slice Name { get; private set; }

    public bool IsEmpty { get; private set; }

    /// <summary>A second startDate, where the export of one version has the end.</summary>
    public bool HasDoubledStart { get; private set; }

    public ReadOnlySpan<(Slice Name, Slice Value)> All => _all.AsSpan(0, _count);

    public Slice this[KnownAttribute attribute] => _known[(int)attribute];

    /// <summary>Reads the tag that begins at <paramref name="at"/>, which is a '&lt;' before a name; afterwards that is the place behind its end.</summary>
    public TagOutcome Read(ReadOnlySpan<byte> data, ref int at)
    {
        _count = 0;
        _before = KnownAttribute.Count;
        Array.Fill(_known, Slice.None);
        HasDoubledStart = false;
        var i = at + 1;
        var nameStart = i;
        while (i < data.Length && IsName(data[i]))
        {
            i++;
        }

        if (i == data.Length)
        {
            return TagOutcome.NeedMore;
        }

        Name = new Slice(nameStart, i - nameStart);
        if (Name.Length == 0)
        {
            return TagOutcome.Malformed;
        }

        while (true)
        {
            while (i < data.Length && data[i] <= ' ')
            {
                i++;
            }

            if (i >= data.Length)
            {
                return TagOutcome.NeedMore;
            }

            if (data[i] is (byte)'>' or (byte)'/')
            {
                return End(data, i, ref at);
            }

            var outcome = ReadAttribute(data, ref i);
            if (outcome != TagOutcome.Ok)
            {
                return outcome;
            }
        }
    }

    /// <summary>The value of an attribute that is not one of the known ones.</summary>
    public Slice Find(ReadOnlySpan<byte> data, ReadOnlySpan<byte> name)
    {
        foreach (var (key, value) in All)
        {
            if (key.Of(data).SequenceEqual(name))
            {
                return value;
            }
        }

        return Slice.None;
    }

    private TagOutcome End(ReadOnlySpan<byte> data, int i, ref int at)
    {
        IsEmpty = data[i] == '/';
        if (IsEmpty && ++i >= data.Length)
        {
            return TagOutcome.NeedMore;
        }

        if (data[i] != '>')
        {
            return TagOutcome.Malformed;
        }

        at = i + 1;
        if (!this[KnownAttribute.EndDate].Exists && HasDoubledStart)
        {
            return TagOutcome.Ok;
        }

        HasDoubledStart = false;
        return TagOutcome.Ok;
    }

    private TagOutcome ReadAttribute(ReadOnlySpan<byte> data, ref int i)
    {
        if (ReadExpected(data, ref i))
        {
            return TagOutcome.Ok;
        }

        // Names of the first exports have spaces in them: everything up to the equals sign.
        var length = data[i..].IndexOfAny((byte)'=', (byte)'<', (byte)'>');
        if (length < 0)
        {
            return data.Length - i > 1000 ? TagOutcome.Malformed : TagOutcome.NeedMore;
        }

        var name = new Slice(i, length);
        i += length;
        if (data[i] != '=' || length == 0 || _count >= AttributesMax)
        {
            return TagOutcome.Malformed;
        }

        if (++i >= data.Length)
        {
            return TagOutcome.NeedMore;
        }

        var quote = data[i];
        if (quote is not ((byte)'"' or (byte)'\''))
        {
            return TagOutcome.Malformed;
        }

        // A '<' cannot stand in a value: the quote is missing, and what follows is another element.
        var rest = data[(i + 1)..];
        var end = rest.IndexOfAny(quote, (byte)'<');
        if (end < 0)
        {
            return TagOutcome.NeedMore;
        }

        if (rest[end] != quote)
        {
            return TagOutcome.Malformed;
        }

        Keep(data, name, new Slice(i + 1, end));
        i += end + 2;
        return TagOutcome.Ok;
    }

    // The attribute that followed the one before it the last time, whole and sound; otherwise nothing was read.
    private bool ReadExpected(ReadOnlySpan<byte> data, ref int i)
    {
        if (!Vector256.IsHardwareAccelerated || _before == KnownAttribute.None || _count >= AttributesMax)
        {
            return false;
        }

        var expected = (int)_after[(int)_before];
        var length = Names[expected].Length;
        var begin = i + length + 2;
        if (data.Length - begin < Vector256<byte>.Count || _known[expected].Exists || ((Vector128.Create(data[i..]) ^ Texts[expected]) & Masks[expected]) != Vector128<byte>.Zero)
        {
            return false;
        }

        var at = begin;
        while (data.Length - at >= Vector256<byte>.Count)
        {
            var part = Vector256.Create(data[at..]);
            var ends = (Vector256.Equals(part, Vector256.Create((byte)'"')) | Vector256.Equals(part, Vector256.Create((byte)'<'))).ExtractMostSignificantBits();
            if (ends != 0)
            {
                at += BitOperations.TrailingZeroCount(ends);
                if (data[at] != '"')
                {
                    return false;
                }

                var value = new Slice(begin, at - begin);
                _all[_count++] = (new Slice(i, length), value);
                _known[expected] = value;
                _before = (KnownAttribute)expected;
                i = at + 1;
                return true;
            }

            at += Vector256<byte>.Count;
        }

        return false;
    }

    // A name as it stands before its value: with the equals sign and the quote.
    private static Vector128<byte> Padded(byte[] name, Func<byte, byte> of)
    {
        var bytes = new byte[Vector128<byte>.Count];
        byte[] text = [.. name, (byte)'=', (byte)'"'];
        for (var i = 0; i < text.Length; i++)
        {
            bytes[i] = of(text[i]);
        }

        return Vector128.Create(bytes);
    }

    private void Keep(ReadOnlySpan<byte> data, Slice name, Slice value)
    {
        _all[_count++] = (name, value);
        var known = Known(name.Of(data));
        if (_before != KnownAttribute.None)
        {
            _after[(int)_before] = known == KnownAttribute.None ? _after[(int)_before] : known;
        }

        _before = known;
        if (known == KnownAttribute.None)
        {
            return;
        }

        ref var slot = ref _known[(int)known];
        if (!slot.Exists)
        {
            slot = value;
        }
        else if (known == KnownAttribute.StartDate)
        {
            HasDoubledStart = true;
            if (!_known[(int)KnownAttribute.EndDate].Exists)
            {
                SecondStart = value;
            }
        }
    }

    /// <summary>The second startDate; of meaning while <see cref="HasDoubledStart"/>.</summary>
    public Slice SecondStart { get; private set; }

    // By the length, without a jump for each of them: nine attributes a record are nine jumps that no processor foresees.
    private static KnownAttribute Known(ReadOnlySpan<byte> name)
    {
        if (name.Length >= ByLength.Length)
        {
            return KnownAttribute.None;
        }

        var candidate = name.Length == 4 && name[0] == 'u' ? KnownAttribute.Unit : ByLength[name.Length];
        return candidate != KnownAttribute.None && name.SequenceEqual(Names[(int)candidate]) ? candidate : KnownAttribute.None;
    }

    private static bool IsName(byte b) => b is (>= (byte)'a' and <= (byte)'z') or (>= (byte)'A' and <= (byte)'Z') or (>= (byte)'0' and <= (byte)'9') or (byte)'_' or (byte)'-' or (byte)'.' or (byte)':' or >= 0x80;
}
