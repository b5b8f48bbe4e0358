using Tidemark.Health.Apple.Xml;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;

namespace Tidemark.Health.Apple;

/// <summary>What one block holds.</summary>
internal sealed record ParsedBlock(FileBlock Block, List<FoundSample> Samples, List<int> Ends, Repairs Repairs)
{
    /// <summary>Bytes of the block that are done with; the rest is the beginning of an element that ends in the next one.</summary>
    public int Length { get; init; }

    public int Elements { get; init; }

    public bool IsComplete { get; init; }

    public long? ExportedMs { get; init; }
}

/// <summary>The samples of blocks, with the names and texts that it has met. Not for two threads at once; one block tells nothing to the next.</summary>
internal sealed class BlockParser
{
    private const int SamplesExpected = 512;
    private const int DraftsMax = 8;
    private static readonly TypeName Route = new(HealthTypes.WorkoutRoute, HealthKind.WorkoutRoute, HealthTypes.Find(HealthTypes.WorkoutRoute));
    private readonly Names _names = new();
    private readonly Tag _child = new();
    private readonly ElementScanner _scanner;
    private readonly Origins _origins;
    private readonly Content _content;
    private readonly SampleDraft[] _draft = new SampleDraft[DraftsMax];
    private readonly IdentityFacts[] _facts = new IdentityFacts[DraftsMax];
    private readonly Guid[] _ids = new Guid[DraftsMax];
    private List<FoundSample> _ready = [];
    private int _drafts;
    private long? _exportedMs;

    public BlockParser()
    {
        _scanner = new ElementScanner(Repairs);
        _origins = new Origins(Repairs);
        _content = new Content(Repairs);
    }

    private Repairs Repairs { get; } = new();

    public ParsedBlock Parse(FileBlock block)
    {
        _ready = new List<FoundSample>(SamplesExpected);
        _exportedMs = null;
        var ends = new List<int>(SamplesExpected);
        var elements = 0;
        _scanner.Load(block);
        while (_scanner.Read())
        {
            ReadElement();
            elements++;
            _scanner.Advance();

            while (ends.Count < _ready.Count + _drafts)
            {
                ends.Add(_scanner.Place);
            }
        }

        FinishDrafts();
        return new ParsedBlock(block, _ready, ends, Repairs.Take()) { Length = _scanner.Place, Elements = elements, IsComplete = _scanner.IsComplete, ExportedMs = _exportedMs };
    }

    private void Put(in SampleDraft record)
    {
        if (record.IsNamed)
        {
            FinishDrafts();
            _ready.Add(record.Finish());
            return;
        }

        _draft[_drafts] = record;
        _facts[_drafts] = record.Facts;
        if (++_drafts == _draft.Length)
        {
            FinishDrafts();
        }
    }

    // Identities are made several at a time.
    private void FinishDrafts()
    {
        HealthIdentity.OfMany(_facts.AsSpan(0, _drafts), _ids);
        for (var i = 0; i < _drafts; i++)
        {
            _ready.Add(_draft[i].Finish(_ids[i], _facts[i].Series));
        }

        _drafts = 0;
    }

    private void ReadElement()
    {
        var data = _scanner.Data;
        var name = _scanner.Tag.Name.Of(data);
        var content = _scanner.Tag.IsEmpty ? default : data[_scanner.ContentStart.._scanner.ElementEnd];
        if (name.SequenceEqual("Record"u8))
        {
            if (ReadRecord(_scanner.Tag, data, content, isNested: false) is { } record)
            {
                Put(record);
            }

            return;
        }

        FinishDrafts(); // The order is the file's.
        switch (System.Text.Encoding.ASCII.GetString(name))
        {
            case "Correlation":
                ReadCorrelation(data, content);
                break;
            case "Workout":
                ReadWorkout(data, content);
                break;
            case "ActivitySummary":
                AddIfRead(Summaries.Read(_scanner.Tag, data, Repairs));
                break;
            case "ClinicalRecord":
                AddOther(data, content, HealthKind.ClinicalRecord, HealthTypes.ClinicalRecord, "receivedDate"u8);
                break;
            case "Audiogram":
                AddOther(data, content, HealthKind.Audiogram, HealthTypes.Audiogram, "startDate"u8);
                break;
            case "VisionPrescription":
                AddOther(data, content, HealthKind.VisionPrescription, HealthTypes.VisionPrescription, "dateIssued"u8);
                break;
            case "ExportDate":
                _exportedMs = ExportDate.TryParse(_scanner.Tag[KnownAttribute.Value].Of(data), out var ms, out _) ? ms : null;
                break;
            case "Me":
                break; // Birth date, sex and blood type belong to the person, not to the samples.
            case var unknown:
                Repairs.CountUnknown(unknown.Length <= 100 ? unknown : unknown[..100]);
                break;
        }
    }

    private SampleDraft? ReadRecord(Tag tag, ReadOnlySpan<byte> data, ReadOnlySpan<byte> content, bool isNested)
    {
        if (ReadTimes(tag, data) is not var (start, end))
        {
            return null;
        }

        var type = _names.TypeOf(tag[KnownAttribute.Type].Of(data));
        var origin = OriginOf(tag, data);
        var parts = content.IsEmpty ? ContentParts.None : _content.Read(content, start);
        var draft = new RecordDraft(type, start, end, CreatedOf(tag, data), origin, parts, isNested);
        var unit = tag[KnownAttribute.Unit].Of(data);
        var value = tag[KnownAttribute.Value].Of(data);
        if (type.Kind == HealthKind.Category || (unit.IsEmpty && !NumberText.TryParse(value, out _)))
        {
            return draft.Category(value.IsEmpty ? null : _names.CategoryOf(value, type));
        }

        if (!NumberText.TryParse(value, out var number))
        {
            Repairs[Repair.UnreadableNumber]++;
            return null;
        }

        return draft.Quantity(number, _names.UnitOf(unit), Repairs);
    }

    private void ReadCorrelation(ReadOnlySpan<byte> data, ReadOnlySpan<byte> content)
    {
        var children = ReadNested(content);
        if (ReadTimes(_scanner.Tag, data) is not var (start, end))
        {
            return;
        }

        var type = _names.TypeOf(_scanner.Tag[KnownAttribute.Type].Of(data));
        type = type with { Kind = HealthKind.Correlation };
        var parts = _content.Read(content, start, children: children);
        _ready.Add(new RecordDraft(type, start, end, CreatedOf(_scanner.Tag, data), OriginOf(_scanner.Tag, data), parts, isNested: false).Category(null).Finish());
    }

    private void ReadWorkout(ReadOnlySpan<byte> data, ReadOnlySpan<byte> content)
    {
        var children = ReadNested(content);
        Repairs[Repair.UndeclaredNesting] += children.Count;
        ReadRoutes(content, children);
        var tag = _scanner.Tag;
        if (ReadTimes(tag, data) is not var (start, end))
        {
            return;
        }

        var activity = _names.TypeOf(tag.Find(data, "workoutActivityType"u8).Of(data)).Name;
        var attributes = AttributesOf(tag, data, "workoutActivityType");
        var parts = _content.Read(content, start, attributes, children);
        CountUnknownParts(content);
        var type = new TypeName(HealthTypes.Workout, HealthKind.Workout, HealthTypes.Find(HealthTypes.Workout));
        _ready.Add(new RecordDraft(type, start, end, CreatedOf(tag, data), OriginOf(tag, data), parts, isNested: false).Category(new CategoryName(activity, HealthIdentity.ValueOf(activity))).Finish());
    }

    private void CountUnknownParts(ReadOnlySpan<byte> content)
    {
        for (var rest = content; rest.IndexOf("<WorkoutZoneGroup"u8) is var at and >= 0; rest = rest[(at + 1)..])
        {
            Repairs[Repair.UnknownElement]++;
        }
    }

    // Kept by their names and times; what else they have is in the extra part.
    private void AddOther(ReadOnlySpan<byte> data, ReadOnlySpan<byte> content, HealthKind kind, string name, ReadOnlySpan<byte> dateAttribute)
    {
        var tag = _scanner.Tag;
        if (!ExportDate.TryParse(tag.Find(data, dateAttribute).Of(data), out var start, out _))
        {
            Repairs[Repair.UnreadableDate]++;
            return;
        }

        var end = ExportDate.TryParse(tag[KnownAttribute.EndDate].Of(data), out var ends, out _) && ends >= start ? ends : start;
        var parts = _content.Read(content, start, AttributesOf(tag, data, "none"));
        var identifier = tag.Find(data, "identifier"u8).Of(data);
        if (!identifier.IsEmpty)
        {
            // Unique for its kind of resource and its source.
            parts = parts with { SyncIdentifier = $"{XmlText.Decode(tag[KnownAttribute.Type].Of(data), out _)}/{XmlText.Decode(identifier, out _)}" };
        }

        _ready.Add(new RecordDraft(new TypeName(name, kind, HealthTypes.Find(name)), start, end, CreatedOf(tag, data), OriginOf(tag, data), parts, isNested: false).Category(null).Finish());
    }

    private List<Guid> ReadNested(ReadOnlySpan<byte> content)
    {
        var ids = new List<Guid>();
        var at = 0;
        while (NextChild(content, "<Record "u8, "</Record>"u8, ref at, out var inner))
        {
            if (ReadRecord(_child, content, inner, isNested: true)?.Finish() is { } sample)
            {
                _ready.Add(sample);
                ids.Add(sample.Sample.Id);
            }
        }

        return ids;
    }

    // A sample of its own, whose points are in a file beside export.xml.
    private void ReadRoutes(ReadOnlySpan<byte> content, List<Guid> ids)
    {
        var at = 0;
        while (NextChild(content, "<WorkoutRoute "u8, "</WorkoutRoute>"u8, ref at, out var inner))
        {
            if (ReadTimes(_child, content) is not var (start, end))
            {
                continue;
            }

            var draft = new RecordDraft(Route, start, end, CreatedOf(_child, content), OriginOf(_child, content), _content.Read(inner, start), isNested: false).Category(null).Finish();
            var place = 0;
            var path = NextChild(inner, "<FileReference "u8, "</FileReference>"u8, ref place, out _) ? XmlText.Decode(_child.Find(inner, "path"u8).Of(inner), out _) : "";
            _ready.Add(draft with { File = path });
            ids.Add(draft.Sample.Id);
        }
    }

    // Its tag is in _child.
    private bool NextChild(ReadOnlySpan<byte> content, ReadOnlySpan<byte> open, ReadOnlySpan<byte> close, ref int at, out ReadOnlySpan<byte> inner)
    {
        inner = default;
        while (content[at..].IndexOf(open) is var found and >= 0)
        {
            at += found;
            var begin = at;
            if (_child.Read(content, ref at) != TagOutcome.Ok)
            {
                Repairs[Repair.UnreadableElement]++;
                at = begin + 1;
                continue;
            }

            if (!_child.IsEmpty)
            {
                var end = content[at..].IndexOf(close);
                inner = end < 0 ? content[at..] : content.Slice(at, end);
                at += inner.Length;
            }

            return true;
        }

        return false;
    }

    private (long Start, long End)? ReadTimes(Tag tag, ReadOnlySpan<byte> data)
    {
        if (!ExportDate.TryParse(tag[KnownAttribute.StartDate].Of(data), out var start, out var isOld))
        {
            Repairs[Repair.UnreadableDate]++;
            return null;
        }

        Repairs[Repair.OldDate] += isOld ? 1 : 0;
        var endText = tag[KnownAttribute.EndDate];
        if (!endText.Exists && tag.HasDoubledStart)
        {
            Repairs[Repair.DoubledStartDate]++;
            endText = tag.SecondStart;
        }

        if (!ExportDate.TryParse(endText.Of(data), out var end, out _))
        {
            Repairs[Repair.UnreadableDate] += endText.Exists ? 1 : 0;
            end = start;
        }

        if (end < start)
        {
            Repairs[Repair.EndBeforeStart]++;
            (start, end) = (end, start);
        }

        return (start, end);
    }

    private static long? CreatedOf(Tag tag, ReadOnlySpan<byte> data) =>
        ExportDate.TryParse(tag[KnownAttribute.CreationDate].Of(data), out var created, out _) ? created : null;

    private OriginEntry OriginOf(Tag tag, ReadOnlySpan<byte> data) =>
        _origins.Of(tag[KnownAttribute.SourceName].Of(data), tag[KnownAttribute.SourceVersion].Of(data), tag[KnownAttribute.Device].Of(data));

    // Of an element with attributes of its own: those that are not the sample's anyway.
    private static List<(string Name, string Value)> AttributesOf(Tag tag, ReadOnlySpan<byte> data, string except)
    {
        var attributes = new List<(string, string)>();
        foreach (var (key, value) in tag.All)
        {
            var name = XmlText.Decode(key.Of(data), out _);
            if (name != except && name is not ("sourceName" or "sourceVersion" or "device" or "creationDate" or "startDate" or "endDate"))
            {
                attributes.Add((name, XmlText.Decode(value.Of(data), out _)));
            }
        }

        return attributes;
    }

    private void AddIfRead(FoundSample? sample)
    {
        if (sample is { } read)
        {
            _ready.Add(read);
        }
    }
}
