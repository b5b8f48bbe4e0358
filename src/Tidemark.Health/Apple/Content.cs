using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using Tidemark.Health.Apple.Xml;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;

namespace Tidemark.Health.Apple;

/// <summary>What stands inside of an element: names of the sample, and the rest as JSON.</summary>
internal sealed record ContentParts
{
    public static ContentParts None { get; } = new();

    public RawJson? Extra { get; init; }

    public string? Zone { get; init; }

    public string? SyncIdentifier { get; init; }

    public long SyncVersion { get; init; }

    public string? ExternalId { get; init; }

}

/// <summary>Reads the children of an element. Metadata become pairs, beats offsets from the start, all else a tree of names and attributes.</summary>
internal sealed class Content(Repairs repairs)
{
    private const int DepthMax = 16;
    private const int CachedBytesMax = 300;
    private readonly ByteKeys<ContentParts> _known = new();
    private readonly ArrayBufferWriter<byte> _buffer = new(4096);
    private readonly Tag _tag = new();

    /// <param name="content">The bytes between the start tag and the end tag.</param>
    /// <param name="startMs">Of the sample: beats count from it.</param>
    /// <param name="attributes">Attributes of the element itself that belong into the extra part.</param>
    /// <param name="children">Ids of the samples inside.</param>
    public ContentParts Read(ReadOnlySpan<byte> content, long startMs, IReadOnlyList<(string Name, string Value)>? attributes = null, IReadOnlyList<Guid>? children = null)
    {
        var isPlain = attributes is null && children is null && content.Length <= CachedBytesMax && content.IndexOf("<Instant"u8) < 0;
        if (isPlain && _known.TryGet(content, out var known))
        {
            return known;
        }

        var before = repairs.Total;
        var parts = ReadNew(content, startMs, attributes, children);

        // What needed a repair is read each time, so that each is counted.
        return isPlain && repairs.Total == before ? _known.Add(content, parts) : parts;
    }

    private ContentParts ReadNew(ReadOnlySpan<byte> content, long startMs, IReadOnlyList<(string Name, string Value)>? attributes, IReadOnlyList<Guid>? children)
    {
        var draft = new Draft(startMs);
        ReadChildren(content, draft, draft.Parts, 0);
        _buffer.ResetWrittenCount();
        using (var json = HealthSampleJson.CreateWriter(_buffer))
        {
            draft.Write(json, attributes, children);
        }

        return new ContentParts
        {
            Extra = _buffer.WrittenCount > 2 ? new RawJson(_buffer.WrittenSpan.ToArray()) : null,
            Zone = draft.Zone,
            SyncIdentifier = draft.SyncIdentifier,
            SyncVersion = draft.SyncVersion,
            ExternalId = draft.ExternalId,
        };
    }

    private void ReadChildren(ReadOnlySpan<byte> content, Draft draft, List<ExtraPart> into, int depth)
    {
        var at = 0;
        while (content[at..].IndexOf((byte)'<') is var open and >= 0)
        {
            at += open;
            if (at + 1 < content.Length && content[at + 1] is (byte)'/' or (byte)'!' or (byte)'?')
            {
                at++;
                continue;
            }

            var begin = at;
            if (_tag.Read(content, ref at) != TagOutcome.Ok)
            {
                repairs[Repair.UnreadableElement]++;
                at = begin + 1;
                continue;
            }

            var name = _tag.Name.Of(content);
            if (name.SequenceEqual("MetadataEntry"u8) && depth == 0)
            {
                draft.AddMetadata(Text(_tag.Find(content, "key"u8).Of(content)), Text(_tag.Find(content, "value"u8).Of(content)));
                continue;
            }

            if (name.SequenceEqual("InstantaneousBeatsPerMinute"u8))
            {
                draft.AddBeat(_tag.Find(content, "bpm"u8).Of(content), Text(_tag.Find(content, "time"u8).Of(content)));
                continue;
            }

            if (name.SequenceEqual("Record"u8))
            {
                at += _tag.IsEmpty ? 0 : FindClose(content[at..], "</Record>"u8); // A sample of its own, with what stands in it.
                continue;
            }

            if (name.SequenceEqual("HeartRateVariabilityMetadataList"u8))
            {
                continue; // Only the brackets around the beats.
            }

            at = ReadPart(content, at, draft, into, depth);
        }
    }

    private int ReadPart(ReadOnlySpan<byte> content, int at, Draft draft, List<ExtraPart> into, int depth)
    {
        var part = new ExtraPart(Text(_tag.Name.Of(content)));
        foreach (var (key, value) in _tag.All)
        {
            var raw = value.Of(content);
            var spelt = Text(key.Of(content));
            part.Attributes.Add((spelt, spelt.EndsWith("ate", StringComparison.Ordinal) && ExportDate.TryParse(raw, out var ms, out _) ? WireTime.ToText(DateTimeOffset.FromUnixTimeMilliseconds(ms)) : Text(raw)));
        }

        into.Add(part);
        if (_tag.IsEmpty)
        {
            return at;
        }

        var close = FindClose(content[at..], System.Text.Encoding.UTF8.GetBytes($"</{part.Name}>"));
        if (depth < DepthMax)
        {
            ReadChildren(content.Slice(at, close), draft, part.Children, depth + 1);
        }

        return at + close;
    }

    private static int FindClose(ReadOnlySpan<byte> content, ReadOnlySpan<byte> close) => content.IndexOf(close) is var found and >= 0 ? found : content.Length;

    private string Text(ReadOnlySpan<byte> raw)
    {
        var text = XmlText.Decode(raw, out var scrubbed);
        if (scrubbed)
        {
            repairs[Repair.ControlCharacter]++;
        }

        return text;
    }

    private sealed class Draft(long startMs)
    {
        private const double HourMs = 3_600_000;
        private readonly List<(string Key, string Value)> _metadata = [];
        private readonly List<(long OffsetMs, double Rate)> _beats = [];

        public List<ExtraPart> Parts { get; } = [];

        public string? Zone { get; private set; }

        public string? SyncIdentifier { get; private set; }

        public long SyncVersion { get; private set; }

        public string? ExternalId { get; private set; }

        public void AddMetadata(string key, string value)
        {
            switch (key)
            {
                case "HKTimeZone":
                    Zone ??= value.Length is > 0 and <= 100 ? value : null;
                    break;
                case "HKMetadataKeySyncIdentifier":
                    SyncIdentifier ??= value;
                    break;
                case "HKMetadataKeySyncVersion":
                    SyncVersion = double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var version) && version is >= 0 and < 9e15 ? (long)version : 0;
                    break;
                case "HKExternalUUID":
                    ExternalId ??= value;
                    _metadata.Add((key, value));
                    break;
                default:
                    _metadata.Add((key, value));
                    break;
            }
        }

        /// <summary>A beat's time is wall time without a date, in another hour than the record's when summer time lies between: only minutes and seconds count.</summary>
        public void AddBeat(ReadOnlySpan<byte> rate, string time)
        {
            if (!Utf8Parser.TryParse(rate, out double beats, out _) || BeatTime.WithinHour(time) is not { } ms)
            {
                return;
            }

            var offset = (ms - (startMs % HourMs) + (2 * HourMs)) % HourMs;
            _beats.Add(((long)Math.Round(offset), beats));
        }

        public void Write(Utf8JsonWriter json, IReadOnlyList<(string Name, string Value)>? attributes, IReadOnlyList<Guid>? children)
        {
            json.WriteStartObject();
            ExtraJson.WritePairs(json, "metadata", _metadata);
            ExtraJson.WritePairs(json, "attributes", attributes ?? []);
            ExtraJson.WriteChildren(json, children ?? []);
            if (_beats.Count > 0)
            {
                json.WriteStartArray("beats");
                foreach (var (offset, rate) in _beats)
                {
                    json.WriteStartArray();
                    json.WriteNumberValue(offset);
                    json.WriteNumberValue(rate);
                    json.WriteEndArray();
                }

                json.WriteEndArray();
            }

            ExtraJson.WriteParts(json, Parts);
            json.WriteEndObject();
        }
    }
}
