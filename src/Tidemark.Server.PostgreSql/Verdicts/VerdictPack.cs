using System.Buffers.Binary;
using System.Text;
using Tidemark.Server.PostgreSql.Columns;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Verdicts;

/// <summary>
/// Verdicts in one line of the table, one behind the other, by command id. Each is: id (16 bytes), then the length (4 bytes) and bytes of its hash, version (8), and with a length each
/// type, client id, server id (-1: the client's) and row (-1: none). Numbers are big-endian, as PostgreSQL sends them: its own functions can write a pack, too.
/// </summary>
internal sealed record VerdictPack(Guid First, Guid Last, int Commands, byte[] Bytes)
{
    /// <summary>The bytes of a pack end with the verdict that passes this.</summary>
    public const int BytesMax = 256 * 1024;

    // Of one whose key is a UUID, with room.
    private const int BytesUsual = 160;

    private const int IdBytes = 16;
    private const int None = -1;

    // The first bits of an id that all of a pack have in common: of a UUIDv7 they are four seconds, of others there are as many packs as ids. So a pack is never looked
    // for far from the ids that are asked for.
    private const int SpanBits = 36;
    private const int SpanBytes = 4;

    /// <summary>Those whose ids begin alike belong together.</summary>
    public static ulong SpanOf(Guid id)
    {
        Span<byte> bytes = stackalloc byte[IdBytes];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes) >> (64 - SpanBits);
    }

    /// <summary>The last id that may stand in a pack with this one.</summary>
    public static Guid EndOfSpan(Guid id)
    {
        Span<byte> bytes = stackalloc byte[IdBytes];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        bytes[SpanBytes] |= 0x0f;
        bytes[(SpanBytes + 1)..].Fill(0xff);
        return new Guid(bytes, bigEndian: true);
    }

    /// <summary>Packs for verdicts of which no id stands twice; a version that stands for the position becomes it.</summary>
    public static IEnumerable<VerdictPack> Of(IReadOnlyList<RecordedVerdict> verdicts, long pendingVersion, long position)
    {
        var sorted = verdicts.ToArray();
        Array.Sort(sorted, (a, b) => a.CommandId.CompareTo(b.CommandId));
        using var writer = new PgWriter(Math.Min(BytesMax, (verdicts.Count * BytesUsual) + 1));
        var from = 0;
        for (var i = 0; i < sorted.Length; i++)
        {
            Write(writer, sorted[i], sorted[i].Version == pendingVersion ? position : sorted[i].Version);
            if (i + 1 == sorted.Length || writer.Length >= BytesMax || SpanOf(sorted[i + 1].CommandId) != SpanOf(sorted[i].CommandId))
            {
                yield return new VerdictPack(sorted[from].CommandId, sorted[i].CommandId, i + 1 - from, writer.Written.ToArray());
                writer.Clear();
                from = i + 1;
            }
        }
    }

    public static List<RecordedVerdict> Read(ReadOnlySpan<byte> bytes)
    {
        var verdicts = new List<RecordedVerdict>();
        var type = "";
        var typeName = ReadOnlySpan<byte>.Empty;
        while (bytes.Length > 0)
        {
            var id = new Guid(bytes[..IdBytes], bigEndian: true);
            bytes = bytes[IdBytes..];
            var hash = Slice(ref bytes).ToArray();
            var version = BinaryPrimitives.ReadInt64BigEndian(bytes);
            bytes = bytes[sizeof(long)..];
            var name = Slice(ref bytes);
            if (!name.SequenceEqual(typeName))
            {
                type = Encoding.UTF8.GetString(name);
                typeName = name;
            }

            var clientId = Slice(ref bytes).ToArray();
            var serverId = Part(ref bytes) ?? clientId;
            verdicts.Add(new RecordedVerdict(id, hash, type, clientId, serverId, version, Part(ref bytes)));
        }

        return verdicts;
    }

    /// <summary>What the format before had in lines of their own, as an expression of SQL.</summary>
    /// <param name="v">The line's alias.</param>
    public static string Expression(string v) =>
        $"uuid_send({v}.id) || int4send(length({v}.hash)) || {v}.hash || int8send({v}.version) || int4send(octet_length({v}.type)) || convert_to({v}.type, 'UTF8') || int4send(length({v}.client_id)) || {v}.client_id"
        + $" || CASE WHEN {v}.server_id = {v}.client_id THEN int4send(-1) ELSE int4send(length({v}.server_id)) || {v}.server_id END || CASE WHEN {v}.row IS NULL THEN int4send(-1) ELSE int4send(length({v}.row)) || {v}.row END";

    /// <summary>The beginning of an id that <see cref="SpanOf"/> goes by, as an expression of SQL.</summary>
    public static string SpanExpression(string id) => $"left({id}::text, 10)";

    private static void Write(PgWriter writer, RecordedVerdict verdict, long version)
    {
        writer.WriteRaw(verdict.CommandId);
        writer.Write(verdict.Hash);
        writer.WriteRaw(version);
        writer.Write(verdict.EntityType);
        writer.Write(verdict.ClientId);
        Write(writer, verdict.ServerId.AsSpan().SequenceEqual(verdict.ClientId) ? null : verdict.ServerId);
        Write(writer, verdict.Row);
    }

    private static void Write(PgWriter writer, byte[]? part)
    {
        if (part is null)
        {
            writer.WriteNull();
        }
        else
        {
            writer.Write(part);
        }
    }

    private static byte[]? Part(scoped ref ReadOnlySpan<byte> bytes)
    {
        if (BinaryPrimitives.ReadInt32BigEndian(bytes) != None)
        {
            return Slice(ref bytes).ToArray();
        }

        bytes = bytes[sizeof(int)..];
        return null;
    }

    private static ReadOnlySpan<byte> Slice(scoped ref ReadOnlySpan<byte> bytes)
    {
        var slice = bytes.Slice(sizeof(int), BinaryPrimitives.ReadInt32BigEndian(bytes));
        bytes = bytes[(sizeof(int) + slice.Length)..];
        return slice;
    }
}
