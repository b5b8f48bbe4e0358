using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.OpenApi;

namespace Tidemark.Server.AspNetCore.Blobs;

/// <summary>What the document says of blobs.</summary>
internal static class BlobOperations
{
    private const string Tag = "blobs";

    public static WireOperation Abilities { get; } = new("getBlobAbilities", Tag, "What the server can of tus 1.0.", "Headers Tus-Version, Tus-Extension, Tus-Checksum-Algorithm, Tus-Max-Size.");

    public static WireOperation Create { get; } = new(
        "createBlobUpload", Tag, "Begins an upload.", "tus 1.0 creation. Upload-Length, and Upload-Metadata with sha256 (the base64 of 64 lower-case hex digits of the whole). The answer's Location is where pieces go; Upload-Expires says until when.", ErrorCodes.BadRequest, ErrorCodes.TooLarge);

    public static WireOperation Offset { get; } = new("getBlobUploadOffset", Tag, "Where an upload stands.", "Upload-Offset: bytes that are there. 404: there is no such upload (any more); look whether the blob is there.", ErrorCodes.BadRequest);

    public static WireOperation Append { get; } = new(
        "appendToBlobUpload",
        Tag,
        "Adds bytes at the end.",
        "Upload-Offset must be the upload's (409 otherwise). Without Upload-Checksum what had come when the connection broke is kept; with it a piece is kept whole or not at all (460). When the last byte is there the whole is compared with its sha256 (460: begin again) and is a blob from then on.",
        ErrorCodes.BadRequest,
        ErrorCodes.TooLarge);

    public static WireOperation Terminate { get; } = new("deleteBlobUpload", Tag, "Gives an upload up.", "What had come is deleted.", ErrorCodes.BadRequest);

    public static WireOperation Read { get; } = new("getBlob", Tag, "A blob of the user's own.", "By its SHA-256, with ranges. 404: there is none.", ErrorCodes.BadRequest);
}
