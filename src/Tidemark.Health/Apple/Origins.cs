using Tidemark.Health.Apple.Xml;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;

namespace Tidemark.Health.Apple;

/// <summary>Who measured, from the three attributes that say it. The pointer in a device's text, another in every record and every export, is left out.</summary>
internal sealed class Origins(Repairs repairs)
{
    private static readonly byte[] Pointer = "HKDevice: 0x"u8.ToArray();
    private readonly ByteKeys<Named> _names = new();
    private readonly ByteKeys<HealthDevice?> _devices = new();
    private readonly Dictionary<(Named Source, Named? Version, HealthDevice? Device), OriginEntry> _entries = [];
    private OriginEntry? _last;

    public OriginEntry Of(ReadOnlySpan<byte> source, ReadOnlySpan<byte> version, ReadOnlySpan<byte> device)
    {
        var (name, release, hardware) = (NameOf(source), version.IsEmpty ? null : NameOf(version), DeviceOf(device));
        if (name.Scrubbed)
        {
            repairs[Repair.ControlCharacter]++;
        }

        if (_last is { } last && ReferenceEquals(last.Source, name) && ReferenceEquals(last.Version, release) && ReferenceEquals(last.Origin.Device, hardware))
        {
            return last;
        }

        if (!_entries.TryGetValue((name, release, hardware), out var entry))
        {
            if (_entries.Count > 50_000)
            {
                _entries.Clear();
            }

            entry = new OriginEntry(name, release, new HealthOrigin { Source = name.Text, Version = release?.Text, Device = hardware });
            _entries[(name, release, hardware)] = entry;
        }

        return _last = entry;
    }

    private Named NameOf(ReadOnlySpan<byte> raw)
    {
        if (_names.TryGet(raw, out var known))
        {
            return known;
        }

        var text = XmlText.Decode(raw, out var scrubbed);
        return _names.Add(raw, new Named(text.Length == 0 ? "?" : text.Length > HealthLimits.TextLengthMax ? text[..HealthLimits.TextLengthMax] : text, scrubbed));
    }

    private HealthDevice? DeviceOf(ReadOnlySpan<byte> raw)
    {
        if (raw.IsEmpty)
        {
            return null;
        }

        var pointer = raw.IndexOf(Pointer);
        if (pointer >= 0)
        {
            raw = raw[(pointer + Pointer.Length)..];
            var comma = raw.IndexOf((byte)',');
            raw = comma < 0 ? default : raw[comma..];
        }

        return _devices.TryGet(raw, out var known) ? known : _devices.Add(raw, Parse(XmlText.Decode(raw, out _)));
    }

    // ", name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,2, software:7.2>": values hold commas, names are known.
    private static HealthDevice? Parse(string text)
    {
        string? Part(string name)
        {
            var at = text.IndexOf(name, StringComparison.Ordinal);
            if (at < 0)
            {
                return null;
            }

            var value = text[(at + name.Length)..];
            var end = Names.Select(n => value.IndexOf(n, StringComparison.Ordinal)).Where(i => i >= 0).DefaultIfEmpty(value.TrimEnd('>', ' ').Length).Min();
            return value[..end] is { Length: > 0 and <= HealthLimits.TextLengthMax } found ? found : null;
        }

        var device = new HealthDevice { Name = Part(Names[0]), Manufacturer = Part(Names[1]), Model = Part(Names[2]), Hardware = Part(Names[3]), Software = Part(Names[4]) };
        return device is { Name: null, Manufacturer: null, Model: null, Hardware: null, Software: null } ? null : device;
    }

    private static readonly string[] Names = [", name:", ", manufacturer:", ", model:", ", hardware:", ", software:", ", creation date:", ", firmware:", ", localIdentifier:", ", UDIDeviceIdentifier:"];

    internal sealed class Named(string text, bool scrubbed)
    {
        public string Text { get; } = text;

        public bool Scrubbed { get; } = scrubbed;
    }
}

/// <summary>One origin with what identities of its samples begin with, by type and unit.</summary>
internal sealed class OriginEntry(Origins.Named source, Origins.Named? version, HealthOrigin origin)
{
    private readonly Dictionary<(string Type, string? Unit), byte[]> _series = [];
    private (string Type, string? Unit, byte[] Series) _last;

    public Origins.Named Source { get; } = source;

    public Origins.Named? Version { get; } = version;

    public HealthOrigin Origin { get; } = origin;

    // Types and units come from caches: mostly the very same objects.
    public byte[] SeriesOf(HealthKind kind, string type, string? unit)
    {
        if (ReferenceEquals(_last.Type, type) && ReferenceEquals(_last.Unit, unit))
        {
            return _last.Series;
        }

        if (!_series.TryGetValue((type, unit), out var series))
        {
            _series[(type, unit)] = series = HealthIdentity.Series(kind, type, unit, Origin);
        }

        _last = (type, unit, series);
        return series;
    }
}
