using System.Buffers;
using System.Text;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;
using Tidemark.Benchmarks.Rows;

namespace Tidemark.Benchmarks.Postgres;

/// <summary>What one would write with Npgsql alone: arrays into a table with a primary key, rows out of a table into JSON.</summary>
internal static class PlainTable
{
    public const string Ddl = """
        CREATE TABLE plain(
          id text COLLATE "C" NOT NULL PRIMARY KEY,
          user_id text COLLATE "C" NOT NULL,
          kind text COLLATE "C" NOT NULL,
          title text COLLATE "C",
          body text COLLATE "C",
          created_at text COLLATE "C" NOT NULL,
          updated_at text COLLATE "C" NOT NULL,
          mood bigint,
          score double precision,
          revision bigint NOT NULL)
        """;

    private const int TextColumns = 7;
    private const int RowsAPart = 5000;

    private const string InsertSql =
        "INSERT INTO plain SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::double precision[], $10::bigint[])";

    private static readonly JsonEncodedText[] Names = [.. BenchTable.Columns.Select(c => JsonEncodedText.Encode(c))];

    /// <summary>The parameters of one insert.</summary>
    public static NpgsqlParameter[] ArraysOf(BenchRow[] rows) =>
    [
        Texts(rows, r => r.Id), Texts(rows, r => r.UserId), Texts(rows, r => r.Kind), Texts(rows, r => r.Title), Texts(rows, r => r.Body), Texts(rows, r => r.CreatedAt), Texts(rows, r => r.UpdatedAt),
        new() { Value = rows.Select(r => r.Mood).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint },
        new() { Value = rows.Select(r => r.Score).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Double },
        new() { Value = rows.Select(r => r.Revision).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint },
    ];

    /// <summary>One transaction.</summary>
    public static async Task InsertAsync(NpgsqlDataSource source, NpgsqlParameter[] arrays, CancellationToken cancel)
    {
        await using var command = source.CreateCommand(InsertSql);
        command.Parameters.AddRange(arrays);
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>All rows of a table of Tidemark's in the order of their versions, written as JSON into memory that is used again for every part.</summary>
    /// <returns>How many they were.</returns>
    public static async Task<int> WriteJsonAsync(NpgsqlDataSource source, string table, CancellationToken cancel)
    {
        var buffer = new ArrayBufferWriter<byte>();
        await using var json = new Utf8JsonWriter(buffer);
        await using var command = source.CreateCommand($"SELECT {string.Join(", ", BenchTable.Columns)}, _tm_version FROM {table} ORDER BY _tm_version, id");
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var rows = 0;
        while (await reader.ReadAsync(cancel))
        {
            if (rows++ % RowsAPart == 0)
            {
                await EndPartAsync(json, buffer, cancel);
                json.WriteStartArray();
            }

            WriteRow(json, reader);
        }

        await EndPartAsync(json, buffer, cancel);
        return rows;
    }

    private static void WriteRow(Utf8JsonWriter json, NpgsqlDataReader reader)
    {
        json.WriteStartObject();
        json.WriteNumber("version"u8, reader.GetInt64(Names.Length));
        for (var i = 0; i < TextColumns; i++)
        {
            json.WriteString(Names[i], reader.GetString(i));
        }

        json.WriteNumber(Names[7], reader.GetInt64(7));
        json.WriteNumber(Names[8], reader.GetDouble(8));
        json.WriteNumber(Names[9], reader.GetInt64(9));
        json.WriteEndObject();
    }

    private static async Task EndPartAsync(Utf8JsonWriter json, ArrayBufferWriter<byte> buffer, CancellationToken cancel)
    {
        if (json.CurrentDepth > 0)
        {
            json.WriteEndArray();
            await json.FlushAsync(cancel);
        }

        buffer.ResetWrittenCount();
        json.Reset();
    }

    private static NpgsqlParameter Texts(BenchRow[] rows, Func<BenchRow, byte[]> column) =>
        new() { Value = rows.Select(r => Encoding.UTF8.GetString(column(r))).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };
}
