using System.Text.Json;
using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Rows;

namespace Tidemark.Benchmarks.Floor;

/// <summary>The floor's two message parts: a row out of a statement, a row into a statement.</summary>
internal static class FloorJson
{
    private static readonly JsonEncodedText[] Names = [.. BenchTable.Columns.Select(c => JsonEncodedText.Encode(c))];

    /// <summary>Writes the members of a row whose columns start at 0.</summary>
    public static void WriteRow(Utf8JsonWriter writer, BareStatement row)
    {
        for (var i = 0; i < 7; i++)
        {
            writer.WriteString(Names[i], row.Text(i));
        }

        writer.WriteNumber(Names[7], row.Int64(7));
        writer.WriteNumber(Names[8], row.Real(8));
        writer.WriteNumber(Names[9], row.Int64(9));
    }

    /// <summary>Binds the members of the object the reader stands on as parameters 1 to 10; another member goes to parameter 11.</summary>
    public static void BindRow(ref Utf8JsonReader reader, BareStatement statement)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var column = ColumnOf(ref reader);
            reader.Read();
            if (reader.TokenType == JsonTokenType.Number)
            {
                BindNumber(ref reader, statement, column);
            }
            else
            {
                statement.Bind(column, reader.ValueIsEscaped ? System.Text.Encoding.UTF8.GetBytes(reader.GetString()!) : reader.ValueSpan);
            }
        }
    }

    private static void BindNumber(ref Utf8JsonReader reader, BareStatement statement, int column)
    {
        if (column == 9)
        {
            statement.Bind(column, reader.GetDouble());
        }
        else
        {
            statement.Bind(column, reader.GetInt64());
        }
    }

    private static int ColumnOf(ref Utf8JsonReader reader)
    {
        for (var i = 0; i < Names.Length; i++)
        {
            if (reader.ValueSpan.SequenceEqual(Names[i].EncodedUtf8Bytes))
            {
                return i + 1;
            }
        }

        return 11;
    }
}
