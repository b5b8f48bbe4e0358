using Tidemark.Health.Importing;

namespace Tidemark.Health.Apple.Xml;

/// <summary>
/// The elements under HealthData, one after the other, each whole in memory. It is no XML parser: the DTD is skipped, entities are not expanded, and what is
/// broken is skipped to the next line that begins an element, because exports are written one element a line and many are damaged somewhere.
/// </summary>
internal sealed class ElementScanner(Stream source, Repairs repairs) : IDisposable
{
    private const int BufferBytes = 256 * 1024;

    /// <summary>The largest element that is read: a heart rate series of days. A larger one is taken for a missing end.</summary>
    private const int ElementBytesMax = 32 * 1024 * 1024;
    private static readonly byte[] Root = "<HealthData"u8.ToArray();
    private static readonly byte[] NextLine = "\n <"u8.ToArray();
    private byte[] _buffer = new byte[BufferBytes];
    private int _start;
    private int _end;
    private bool _atEnd;

    /// <summary>Where the bytes of <see cref="Data"/> begin in the file.</summary>
    private long _before;

    /// <summary>The start tag of the current element.</summary>
    public Tag Tag { get; } = new();

    /// <summary>Where the current element begins and ends in <see cref="Data"/>; behind the tag stands its content.</summary>
    public int ContentStart { get; private set; }

    public int ElementEnd { get; private set; }

    /// <summary>What the slices of the tag are of; until the next call.</summary>
    public ReadOnlySpan<byte> Data => _buffer.AsSpan(0, _end);

    /// <summary>Bytes of the file before the next element: reading can go on there.</summary>
    public long Position => _before + _start;

    /// <summary>The end tag of HealthData was seen.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>Up to the first element.</summary>
    /// <returns>False: this is no export.</returns>
    public bool ReadProlog()
    {
        while (true)
        {
            var found = Data[_start..].IndexOf(Root);
            if (found >= 0 && _start + found + Root.Length < _end)
            {
                var at = _start + found;
                if (Data[at + Root.Length] is (byte)' ' or (byte)'>' or (byte)'\n' or (byte)'\r' or (byte)'\t')
                {
                    CountDtd(Data[_start..at]);
                    _start = at;
                    return SkipRootTag();
                }

                _start = at + 1;
                continue;
            }

            if (_end - _start > ElementBytesMax || !Fill())
            {
                return false;
            }
        }
    }

    /// <summary>Goes on where <see cref="Position"/> once was.</summary>
    public void SkipTo(long position)
    {
        while (_before + _end < position)
        {
            _before += _end;
            _start = _end = 0;
            if (!Fill())
            {
                return;
            }
        }

        _start = (int)(position - _before);
    }

    /// <summary>The next element; its tag in <see cref="Tag"/>.</summary>
    public bool Read()
    {
        while (!IsComplete)
        {
            var open = Data[_start..].IndexOf((byte)'<');
            if (open < 0)
            {
                _start = _end;
                if (Fill())
                {
                    continue;
                }

                repairs[Repair.TruncatedTail]++;
                return false;
            }

            _start += open;
            if (_end - _start < 4 && Fill())
            {
                continue;
            }

            switch (ReadHere())
            {
                case TagOutcome.Ok:
                    if (ElementEnd > 0)
                    {
                        return true;
                    }

                    break;
                case TagOutcome.NeedMore when _end - _start <= ElementBytesMax && Fill():
                    break;
                case TagOutcome.NeedMore when _atEnd:
                    repairs[Repair.TruncatedTail]++;
                    _start = _end;
                    return false;
                default:
                    repairs[Repair.UnreadableElement]++;
                    Resync();
                    break;
            }
        }

        return false;
    }

    /// <summary>The current element is done with.</summary>
    public void Advance() => _start = ElementEnd;

    public void Dispose() => source.Dispose();

    // ElementEnd is 0 when something was passed that is no element.
    private TagOutcome ReadHere()
    {
        ElementEnd = 0;
        var data = Data;
        var second = _start + 1 < data.Length ? data[_start + 1] : (byte)0;
        switch (second)
        {
            case (byte)'/':
                IsComplete = data[(_start + 2)..].StartsWith("HealthData"u8);
                if (!IsComplete && data.Length - _start < 16 && !_atEnd)
                {
                    return TagOutcome.NeedMore;
                }

                if (!IsComplete)
                {
                    repairs[Repair.UnreadableElement]++; // An end without a beginning.
                }

                _start++;
                return TagOutcome.Ok;
            case (byte)'!' or (byte)'?':
                return Pass(data, second == '?' ? "?>"u8 : data[_start..].StartsWith("<!--"u8) ? "-->"u8 : data[_start..].StartsWith("<![CDATA["u8) ? "]]>"u8 : ">"u8);
        }

        var at = _start;
        var outcome = Tag.Read(data, ref at);
        if (outcome != TagOutcome.Ok)
        {
            return outcome;
        }

        ContentStart = at;
        if (Tag.IsEmpty)
        {
            ElementEnd = at;
            return TagOutcome.Ok;
        }

        return FindEnd(data, at);
    }

    private TagOutcome FindEnd(ReadOnlySpan<byte> data, int at)
    {
        var name = Tag.Name.Of(data);
        var from = at;
        while (true)
        {
            var close = data[from..].IndexOf("</"u8);
            if (close < 0)
            {
                return TagOutcome.NeedMore;
            }

            from += close + 2;
            if (data.Length - from <= name.Length)
            {
                return TagOutcome.NeedMore;
            }

            if (data[from..].StartsWith(name) && data[from + name.Length] == '>')
            {
                ElementEnd = from + name.Length + 1;
                return TagOutcome.Ok;
            }

            // The root's end inside of an element: the element has none.
            if (data[from..].StartsWith("HealthData"u8))
            {
                return TagOutcome.Malformed;
            }
        }
    }

    private TagOutcome Pass(ReadOnlySpan<byte> data, ReadOnlySpan<byte> until)
    {
        var end = data[_start..].IndexOf(until);
        if (end < 0)
        {
            return TagOutcome.NeedMore;
        }

        _start += end + until.Length;
        return TagOutcome.Ok;
    }

    private void Resync()
    {
        _start++;
        while (true)
        {
            var next = Data[_start..].IndexOf(NextLine);
            if (next >= 0)
            {
                _start += next + NextLine.Length - 1;
                return;
            }

            _start = Math.Max(_start, _end - NextLine.Length);
            if (!Fill())
            {
                _start = _end;
                return;
            }
        }
    }

    private bool SkipRootTag()
    {
        while (true)
        {
            var end = Data[_start..].IndexOf((byte)'>');
            if (end >= 0)
            {
                _start += end + 1;
                return true;
            }

            if (!Fill())
            {
                return false;
            }
        }
    }

    // Every declaration ends before the next begins.
    private void CountDtd(ReadOnlySpan<byte> prolog)
    {
        while (prolog.IndexOf("<!"u8) is var open and >= 0)
        {
            prolog = prolog[(open + 2)..];
            if (prolog.StartsWith("--"u8))
            {
                var end = prolog.IndexOf("-->"u8);
                prolog = end < 0 ? default : prolog[end..];
                continue;
            }

            if (prolog.StartsWith("DOCTYPE"u8))
            {
                continue;
            }

            var close = prolog.IndexOf((byte)'>');
            var next = prolog.IndexOf("<!"u8);
            if (close < 0 || (next >= 0 && next < close))
            {
                repairs[Repair.BrokenDtd]++;
            }
        }
    }

    /// <returns>False: the file has no more.</returns>
    private bool Fill()
    {
        if (_atEnd)
        {
            return false;
        }

        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _before += _start;
            _end -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var read = 0;
        try
        {
            read = source.Read(_buffer, _end, _buffer.Length - _end);
        }
        catch (InvalidDataException)
        {
            // A zip that was cut off: what came before it counts.
        }

        _atEnd = read == 0;
        _end += read;
        return read > 0;
    }
}
