namespace Tidemark.Model.Protocol;

/// <summary>GET /spaces/snapshot/manifest and /catalog/{name}/manifest: a file with all rows of a space as they were at a commit, for a fast first fetch.</summary>
public sealed record SnapshotManifest
{
    public required string Space { get; init; }

    /// <summary>False: there is none, or the space is so small that pages are as fast. Nothing else is told then.</summary>
    public required bool Offered { get; init; }

    public string? Epoch { get; init; }

    /// <summary>The commit that its rows were read at.</summary>
    public Mark? Mark { get; init; }

    /// <summary>Where pages go on from it.</summary>
    public string? Cursor { get; init; }

    public long Rows { get; init; }

    public long Bytes { get; init; }

    /// <summary>Without quotes. A file of another one is another file: begin anew.</summary>
    public string? ETag { get; init; }

    /// <summary>The hash of the model it was made with.</summary>
    public string? ModelHash { get; init; }
}

/// <summary>The names in a snapshot file: a SQLite database with one table per entity type, named as the type, with its fields as columns, and these.</summary>
public static class SnapshotFormat
{
    public const int Version = 1;
    public const string About = "_tm_snapshot";
    public const string RowVersion = "_tm_version";
    public const string Digest = "_tm_digest";
    public const string MadeBy = "_tm_made_by";
    public const string Format = "format";
    public const string Space = "space";
    public const string Epoch = "epoch";
    public const string Position = "position";
    public const string Token = "token";
    public const string Cursor = "cursor";
    public const string ModelHash = "model";
}
