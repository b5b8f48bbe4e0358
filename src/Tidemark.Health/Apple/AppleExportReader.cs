using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Tidemark.Health.Apple.Xml;
using Tidemark.Health.Importing;

namespace Tidemark.Health.Apple;

/// <summary>
/// The samples of an export.xml, one after the other, in the order of the file, with no more of it in memory than a few blocks. Blocks are parsed beside the reading of the
/// samples before them, on as many processors as there are; what comes out is the same on one. Not for two threads at once.
/// </summary>
internal sealed class AppleExportReader : IDisposable
{
    private const int ProcessorsMax = 4;
    private readonly BlockReader _blocks;
    private readonly int _aheadMax;
    private readonly Queue<Task<ParsedBlock>> _ahead = [];
    private readonly ConcurrentBag<BlockParser> _parsers = [];
    private ExceptionDispatchInfo? _failure;
    private FileBlock? _cut;
    private ParsedBlock? _current;
    private int _next;
    private bool _isRead;

    /// <param name="xml">The file's bytes; disposed with the reader.</param>
    /// <param name="from">A <see cref="Position"/> of an earlier reader of the same file; 0 for the beginning.</param>
    /// <param name="processors">How many blocks are parsed at once; null: as the machine has processors.</param>
    public AppleExportReader(Stream xml, long from = 0, int? processors = null)
    {
        var atOnce = Math.Min(processors ?? Environment.ProcessorCount, ProcessorsMax);
        _aheadMax = atOnce == 1 ? 1 : atOnce + 2;
        _blocks = new BlockReader(xml, Repairs);
        Position = from;
        if (from > 0)
        {
            _blocks.SkipTo(from);
            IsExport = true;
        }
        else
        {
            IsExport = _blocks.ReadProlog();
        }
    }

    /// <summary>False: there is no HealthData in the file.</summary>
    public bool IsExport { get; }

    /// <summary>Of all blocks up to the current one.</summary>
    public Repairs Repairs { get; } = new();

    /// <summary>The bytes of the file that are done with: the next element begins there.</summary>
    public long Position { get; private set; }

    /// <summary>Top-level elements of all blocks up to the current one.</summary>
    public long Elements { get; private set; }

    /// <summary>The file ended as it should; otherwise what is missing in it is not known to be deleted.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>When the export was made, milliseconds since 1970.</summary>
    public long? ExportedMs { get; private set; }

    public FoundSample Current { get; private set; }

    /// <summary>Nothing of the current block is left: the place, and what was counted until then, are ones to stop at.</summary>
    public bool IsAtBoundary => _current is null || _next >= _current.Samples.Count;

    public bool Read()
    {
        while (_current is null || _next >= _current.Samples.Count)
        {
            if (!IsExport || IsComplete || NextBlock() is not { } block)
            {
                return false;
            }

            Take(block);
        }

        Current = _current.Samples[_next];
        Position = _current.Block.Start + (_next + 1 == _current.Samples.Count ? _current.Length : _current.Ends[_next]);
        _next++;
        return true;
    }

    public void Dispose() => _blocks.Dispose();

    private void Take(ParsedBlock block)
    {
        (_current, _next) = (block, 0);
        Repairs.Add(block.Repairs);
        Elements += block.Elements;
        IsComplete = block.IsComplete;
        ExportedMs ??= block.ExportedMs;
        Position = block.Samples.Count == 0 ? block.Block.Start + block.Length : Position;
        _blocks.GiveBack(block.Block);
    }

    private ParsedBlock? NextBlock()
    {
        var block = Parsed();
        if (block is null)
        {
            _failure?.Throw();
            return null;
        }

        // An element began in the block before: what was read without its beginning does not count.
        if (_cut is not null)
        {
            var joined = _cut.Join(block.Block);
            _blocks.GiveBack(block.Block);
            block = Parse(joined);
        }

        _cut = block.IsComplete || block.Length == block.Block.Length ? null : block.Block.From(block.Length);
        return block;
    }

    private ParsedBlock? Parsed()
    {
        while (!_isRead && _ahead.Count < _aheadMax)
        {
            if (Block() is not { } block)
            {
                _isRead = true;
                break;
            }

            _ahead.Enqueue(_aheadMax > 1 ? Task.Run(() => Parse(block)) : Task.FromResult(Parse(block)));
        }

        return _ahead.TryDequeue(out var parsed) ? parsed.GetAwaiter().GetResult() : null;
    }

    // What was read before a limit was broken comes first.
    private FileBlock? Block()
    {
        try
        {
            return _blocks.Next();
        }
        catch (HealthExportException e)
        {
            _failure = ExceptionDispatchInfo.Capture(e);
            return null;
        }
    }

    private ParsedBlock Parse(FileBlock block)
    {
        var parser = _parsers.TryTake(out var idle) ? idle : new BlockParser();
        var parsed = parser.Parse(block);
        _parsers.Add(parser);
        return parsed;
    }
}
