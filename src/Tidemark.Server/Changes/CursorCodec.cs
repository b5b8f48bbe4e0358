using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Changes;

/// <summary>What a cursor holds: whose it is, where it stands, and the commit it was made at.</summary>
internal sealed record Cursor
{
    public required string User { get; init; }

    public required string Space { get; init; }

    public required string Epoch { get; init; }

    /// <summary>The newest commit the reader has seen; a restored server does not know it.</summary>
    public required Mark Mark { get; init; }

    /// <summary>Where this pull ends; 0 when the next request starts a new one.</summary>
    public long Until { get; init; }

    /// <summary>Deletions behind this position must still be remembered. A first pull needs none from before its first page.</summary>
    public long Since { get; init; }

    /// <summary>About how many changes are left up to <see cref="Until"/>; counted by the first page only.</summary>
    public long Left { get; init; }

    /// <summary>Where each type stands: position, and the key behind which it goes on within it.</summary>
    public required IReadOnlyDictionary<string, CursorPlace> Places { get; init; }
}

/// <param name="P">The position.</param>
/// <param name="K">The wire form of the last key; null: behind all rows of the position.</param>
internal sealed record CursorPlace(long P, string? K = null)
{
    public ChangePlace ToChangePlace(EntityType type)
    {
        if (K is null)
        {
            return new ChangePlace(P, null);
        }

        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(K));
        reader.Read();
        return new ChangePlace(P, WireRow.ReadKey(type, ref reader));
    }

    public static CursorPlace Of(EntityType type, ChangePlace place)
    {
        if (place.Key is not { } key)
        {
            return new CursorPlace(place.Position);
        }

        using var writer = new CanonicalJsonWriter();
        writer.WriteKey(type, key);
        return new CursorPlace(place.Position, Encoding.UTF8.GetString(writer.Written));
    }
}

/// <summary>Cursors travel opaque and signed; a changed bit or another user's is refused before anything is read.</summary>
internal sealed class CursorCodec(byte[] key)
{
    private const int SignatureBytes = 16;

    public string Write(Cursor cursor)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(cursor, CursorJson.Default.Cursor);
        var signed = new byte[SignatureBytes + body.Length];
        HMACSHA256.HashData(key, body).AsSpan(0, SignatureBytes).CopyTo(signed);
        body.CopyTo(signed, SignatureBytes);
        return Base64Url.EncodeToString(signed);
    }

    /// <exception cref="ServerException">CURSOR_INVALID: changed, damaged, or another user's or space's.</exception>
    public Cursor Read(string text, UserId user, SpaceId space)
    {
        try
        {
            var signed = Base64Url.DecodeFromChars(text);

            // The decoder passes over spaces and spare bits: only the one spelling that was given is a cursor.
            if (signed.Length > SignatureBytes && string.Equals(Base64Url.EncodeToString(signed), text, StringComparison.Ordinal))
            {
                var body = signed.AsSpan(SignatureBytes);
                if (CryptographicOperations.FixedTimeEquals(signed.AsSpan(0, SignatureBytes), HMACSHA256.HashData(key, body).AsSpan(0, SignatureBytes))
                    && JsonSerializer.Deserialize(body, CursorJson.Default.Cursor) is { } cursor
                    && (cursor.User == user.Value || (SpaceNames.IsCatalog(space.Value) && cursor.User == Spaces.Everybody.Value)) && cursor.Space == space.Value)
                {
                    return cursor;
                }
            }
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            throw Problems.Of(ErrorCodes.CursorInvalid, "The cursor is damaged.", e);
        }

        throw Problems.Of(ErrorCodes.CursorInvalid, "The cursor was changed, or belongs to another user or space.");
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(Cursor))]
internal sealed partial class CursorJson : JsonSerializerContext;
