namespace Tidemark.Health.Importing;

/// <summary>An export that cannot be read as one.</summary>
public sealed class HealthExportException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What is read of an export and how much of it at most.</summary>
public sealed record ExportLimits
{
    /// <summary>Bytes of the inflated export.xml. Default 64 GB; the largest known ones have 4.</summary>
    public long XmlBytesMax { get; init; } = 64L << 30;

    /// <summary>Bytes of the database of a Health Connect export. Default 8 GB; known ones have 0.05.</summary>
    public long DatabaseBytesMax { get; init; } = 8L << 30;

    /// <summary>How many times larger than its compressed form the file may become. Real ones reach 31. Default 200.</summary>
    public int InflationMax { get; init; } = 200;

    /// <summary>Entries of the archive. Default 100,000.</summary>
    public int EntriesMax { get; init; } = 100_000;

    /// <summary>Bytes of one ECG file. Default 4 MB; real ones have 0.14.</summary>
    public int EcgBytesMax { get; init; } = 4 << 20;

    /// <summary>Bytes of one route's file. Default 32 MB, a day and a night with a point a second; real ones have 1 MB an hour.</summary>
    public int RouteBytesMax { get; init; } = 32 << 20;
}
