using Tidemark.Health.Importing;

namespace Tidemark.Health.Apple.Xml;

/// <summary>Cuts a file into blocks at the beginnings of lines that begin an element. The DTD is skipped.</summary>
internal sealed class BlockReader(Stream source, Repairs repairs) : IDisposable
{
    private const int BlockBytes = 128 * 1024;

    /// <summary>How the lines of an export begin; those of children have more spaces.</summary>
    public static ReadOnlySpan<byte> NextLine => "\n <"u8;

    private static ReadOnlySpan<byte> Root => "<HealthData"u8;

    private readonly Stack<byte[]> _idle = [];
    private byte[] _rest = [];
    private long _position;
    private bool _atEnd;
    private bool _isDone;

    /// <summary>Up to the first element.</summary>
    /// <returns>False: this is no export.</returns>
    public bool ReadProlog()
    {
        var from = 0;
        while (true)
        {
            var found = _rest.AsSpan(from).IndexOf(Root);
            if (found >= 0 && from + found + Root.Length < _rest.Length)
            {
                var at = from + found;
                if (_rest[at + Root.Length] is (byte)' ' or (byte)'>' or (byte)'\n' or (byte)'\r' or (byte)'\t')
                {
                    CountDtd(_rest.AsSpan(0, at));
                    return SkipRootTag(at);
                }

                from = at + 1;
                continue;
            }

            if (_rest.Length > ElementScanner.ElementBytesMax || !More())
            {
                return false;
            }
        }
    }

    /// <summary>Goes on where an element begins: the place of an earlier reader of the same file.</summary>
    public void SkipTo(long position)
    {
        while (_position + _rest.Length < position)
        {
            _position += _rest.Length;
            _rest = [];
            if (!More())
            {
                return;
            }
        }

        Pass((int)(position - _position));
    }

    /// <summary>The next block; null after the last.</summary>
    public FileBlock? Next()
    {
        if (_isDone)
        {
            return null;
        }

        var bytes = _rest.Length * 2 > BlockBytes ? new byte[_rest.Length + BlockBytes] : _idle.TryPop(out var idle) ? idle : new byte[BlockBytes];
        _rest.CopyTo(bytes, 0);
        var end = _rest.Length;
        while (!_atEnd && end < bytes.Length)
        {
            end += ReadSome(bytes, end);
        }

        var length = _atEnd ? end : LastLine(bytes.AsSpan(0, end));
        var block = new FileBlock(bytes, length, _position, _atEnd);
        _rest = bytes.AsSpan(length, end - length).ToArray();
        _position += length;
        _isDone = _atEnd;
        return block;
    }

    /// <summary>Nobody reads the block's bytes any more.</summary>
    public void GiveBack(FileBlock block)
    {
        if (block.Bytes.Length == BlockBytes)
        {
            _idle.Push(block.Bytes);
        }
    }

    public void Dispose() => source.Dispose();

    // A file without such lines is cut anywhere: its blocks are joined again where they cut an element.
    private static int LastLine(ReadOnlySpan<byte> bytes) => bytes.LastIndexOf(NextLine) is var line and > 0 ? line + 1 : bytes.LastIndexOf("\n<"u8) is var bare and > 0 ? bare + 1 : bytes.Length;

    private bool SkipRootTag(int at)
    {
        while (true)
        {
            var end = _rest.AsSpan(at).IndexOf((byte)'>');
            if (end >= 0)
            {
                Pass(at + end + 1);
                return true;
            }

            if (!More())
            {
                return false;
            }
        }
    }

    private void Pass(int bytes)
    {
        _rest = _rest[Math.Min(bytes, _rest.Length)..];
        _position += bytes;
    }

    private bool More()
    {
        var more = new byte[BlockBytes];
        var read = _atEnd ? 0 : ReadSome(more, 0);
        _rest = [.. _rest, .. more.AsSpan(0, read)];
        return read > 0;
    }

    private int ReadSome(byte[] into, int at)
    {
        var read = 0;
        try
        {
            read = source.Read(into, at, into.Length - at);
        }
        catch (InvalidDataException)
        {
            // A zip that was cut off: what came before it counts.
        }

        _atEnd = read == 0;
        return read;
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
}
