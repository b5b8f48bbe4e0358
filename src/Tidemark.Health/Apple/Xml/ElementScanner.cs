using Tidemark.Health.Importing;

namespace Tidemark.Health.Apple.Xml;

/// <summary>
/// The elements of a block, one after the other. It is no XML parser: entities are not expanded, and what is broken is skipped to the next line that begins an element,
/// because exports are written one element a line and many are damaged somewhere.
/// </summary>
internal sealed class ElementScanner(Repairs repairs)
{
    /// <summary>The largest element that is read: a heart rate series of days. A larger one is taken for a missing end.</summary>
    public const int ElementBytesMax = 32 * 1024 * 1024;
    private FileBlock _block = FileBlock.None;
    private int _start;
    private int _end;

    /// <summary>The start tag of the current element.</summary>
    public Tag Tag { get; } = new();

    /// <summary>Where the current element begins and ends in <see cref="Data"/>; behind the tag stands its content.</summary>
    public int ContentStart { get; private set; }

    public int ElementEnd { get; private set; }

    /// <summary>What the slices of the tag are of.</summary>
    public ReadOnlySpan<byte> Data => _block.Bytes.AsSpan(0, _end);

    /// <summary>Bytes of the block that are done with. What is left when no element is: the beginning of one that ends in the next block.</summary>
    public int Place => _start;

    /// <summary>The end tag of HealthData was seen.</summary>
    public bool IsComplete { get; private set; }

    public void Load(FileBlock block)
    {
        (_block, _start, _end) = (block, 0, block.Length);
        IsComplete = false;
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
                repairs[Repair.TruncatedTail] += _block.IsLast ? 1 : 0;
                return false;
            }

            _start += open;
            if (_end - _start < 4 && !_block.IsLast)
            {
                return false;
            }

            switch (ReadHere())
            {
                case TagOutcome.Ok:
                    if (ElementEnd > 0)
                    {
                        return true;
                    }

                    break;
                case TagOutcome.NeedMore when _block.IsLast:
                    repairs[Repair.TruncatedTail]++;
                    _start = _end;
                    return false;
                case TagOutcome.NeedMore when _end - _start <= ElementBytesMax:
                    return false;
                default:
                    if (!Resync())
                    {
                        return false;
                    }

                    repairs[Repair.UnreadableElement]++;
                    break;
            }
        }

        return false;
    }

    /// <summary>The current element is done with.</summary>
    public void Advance() => _start = ElementEnd;

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
                if (!IsComplete && data.Length - _start < 16 && !_block.IsLast)
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

    // False: the line that is looked for may begin in the next block.
    private bool Resync()
    {
        var next = Data[(_start + 1)..].IndexOf(BlockReader.NextLine);
        if (next < 0 && !_block.IsLast && Data[^1] != '\n' && _end - _start <= ElementBytesMax)
        {
            return false;
        }

        _start = next < 0 ? _end : _start + next + BlockReader.NextLine.Length;
        return true;
    }
}
