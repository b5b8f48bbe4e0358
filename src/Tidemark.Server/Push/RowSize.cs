using Tidemark.Model.Values;

namespace Tidemark.Server.Push;

/// <summary>How large a row is on the wire.</summary>
internal static class RowSize
{
    // A control character takes six bytes as an escape; no character takes more.
    private const int BytesPerCharacterMax = 6;
    private const int BytesPerFieldMax = 64;

    /// <summary>Written out only when it could be too large at all: nearly no row is.</summary>
    public static bool Exceeds(Row row, long bytesMax)
    {
        var most = 2L;
        for (var i = 0; i < row.Type.Fields.Count && most <= bytesMax; i++)
        {
            var value = row[i];
            most += BytesPerFieldMax + ((long)BytesPerCharacterMax * row.Type.Fields[i].Name.Length) + value.Kind switch
            {
                ValueKind.Text => (long)BytesPerCharacterMax * value.AsText.Length,
                ValueKind.Blob => 2L * value.AsBlob.Length,
                _ => 0,
            };
        }

        return most > bytesMax && Verdicts.RowOf(row).Utf8.Length > bytesMax;
    }
}
