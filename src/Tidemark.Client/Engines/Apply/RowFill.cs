using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>Makes whole rows of those that came without some fields.</summary>
internal static class RowFill
{
    /// <summary>Fields the server withheld are as it last showed them; what it never showed keeps its local value.</summary>
    public static Row Of(Row row, Row? from, bool onlyKnown = false)
    {
        for (var i = 0; i < row.Type.Fields.Count; i++)
        {
            if (row[i].IsAbsent && !(onlyKnown && (from is null || from[i].IsAbsent)))
            {
                row = row.With(i, from is null || from[i].IsAbsent ? Value.Null : from[i]);
            }
        }

        return row;
    }
}
