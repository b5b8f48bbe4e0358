using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Tidemark.Client.Environment;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Health.Storage;

/// <summary>A large part that is not on the server.</summary>
internal sealed record WaitingBlob(byte[] Hash, byte[] Body, string? Location, int? Piece, int Tries)
{
    public string Name => Convert.ToHexStringLower(Hash);
}

/// <summary>Large parts of samples, kept until the server has them. Their samples stay in the queue until then.</summary>
internal sealed class BlobTable(SqliteConnection connection, SyncEnvironment environment)
{
    /// <summary>What is said of a large part in its place.</summary>
    private const string Digest = "sha256";
    private const string Stored = "blob";
    private const string Extra = "extra";

    /// <summary>The member of a sample's extra part that goes by itself.</summary>
    public static string? LargeOf(HealthKind kind) => kind switch
    {
        HealthKind.Ecg => "waveform",
        HealthKind.WorkoutRoute => "points",
        _ => null,
    };

    /// <summary>Takes the large part out of a sample.</summary>
    /// <returns>The sample as it is sent, and the digest of what must be on the server before it; null: it has none.</returns>
    public (HealthSample Sample, byte[]? Hash) Take(HealthSample sample)
    {
        if (LargeOf(sample.Kind) is not { } name || sample.Extra is not { } extra)
        {
            return (sample, null);
        }

        return Take(extra.Utf8, name) is var (slim, hash) ? (sample.With(new RawJson(slim)), hash) : (sample, null);
    }

    /// <summary>Takes the large part out of a sample that was written as JSON.</summary>
    /// <returns>Null: it has none.</returns>
    public (byte[] Body, byte[] Hash)? Take(byte[] sample)
    {
        using var json = JsonDocument.Parse(sample);
        if (json.RootElement.GetProperty("kind").GetString() is not { } kind || !Enum.TryParse<HealthKind>(kind, ignoreCase: true, out var known) || LargeOf(known) is not { } name
            || !json.RootElement.TryGetProperty(Extra, out var extra) || Take(JsonMarshal.GetRawUtf8Value(extra).ToArray(), name) is not var (slim, hash))
        {
            return null;
        }

        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = HealthSampleJson.CreateWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var member in json.RootElement.EnumerateObject().Where(m => m.Name != Extra))
            {
                member.WriteTo(writer);
            }

            writer.WritePropertyName(Extra);
            writer.WriteRawValue(slim, skipInputValidation: true);
            writer.WriteEndObject();
        }

        return (buffer.WrittenSpan.ToArray(), hash);
    }

    private (byte[] Extra, byte[] Hash)? Take(ReadOnlyMemory<byte> extra, string name)
    {
        using var json = JsonDocument.Parse(extra);
        if (!json.RootElement.TryGetProperty(name, out var large) || large.ValueKind != JsonValueKind.String || !large.TryGetBytesFromBase64(out var body) || body.Length == 0)
        {
            return null;
        }

        var hash = SHA256.HashData(body);
        connection.Run("INSERT INTO _tm_health_blob(hash, body, due, tries) VALUES(?1, ?2, 0, 0) ON CONFLICT(hash) DO NOTHING", Value.Blob(hash), Value.Blob(body));
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = HealthSampleJson.CreateWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var member in json.RootElement.EnumerateObject().Where(m => m.Name != name && m.Name is not (Digest or Stored)))
            {
                member.WriteTo(writer);
            }

            writer.WriteString(Digest, Convert.ToHexStringLower(hash));
            writer.WriteNumber(Stored, body.Length);
            writer.WriteEndObject();
        }

        return (buffer.WrittenSpan.ToArray(), hash);
    }

    /// <summary>The next one that is due.</summary>
    public WaitingBlob? Next() =>
        connection.Query("SELECT hash, body, location, piece, tries FROM _tm_health_blob WHERE due <= ?1 ORDER BY due, hash LIMIT 1", Value.Integer(environment.NowMs)) is [[var hash, var body, var location, var piece, var tries]]
            ? new WaitingBlob(hash.AsBlob, body.AsBlob, location.Kind == ValueKind.Text ? location.AsText : null, piece.Kind == ValueKind.Integer ? (int)piece.AsInteger : null, (int)tries.AsInteger)
            : null;

    public bool HasAny() => connection.Scalar("SELECT count(*) FROM _tm_health_blob").AsInteger > 0;

    public void Place(WaitingBlob blob, string? location, int piece) =>
        connection.Run("UPDATE _tm_health_blob SET location = ?1, piece = ?2 WHERE hash = ?3", location is null ? Value.Null : Value.Text(location), Value.Integer(piece), Value.Blob(blob.Hash));

    public void Postpone(WaitingBlob blob, int piece, TimeSpan wait) =>
        connection.Run("UPDATE _tm_health_blob SET piece = ?1, due = ?2, tries = tries + 1 WHERE hash = ?3", Value.Integer(piece), Value.Integer(environment.NowMs + (long)wait.TotalMilliseconds), Value.Blob(blob.Hash));

    /// <summary>The server has it: its samples may go.</summary>
    public void Done(WaitingBlob blob)
    {
        connection.Run("UPDATE _tm_health_queue SET blob = NULL WHERE blob = ?1", Value.Blob(blob.Hash));
        connection.Run("DELETE FROM _tm_health_blob WHERE hash = ?1", Value.Blob(blob.Hash));
    }
}
