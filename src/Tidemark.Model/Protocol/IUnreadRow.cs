using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>A row that still lies where a store found it: who only passes it on writes each field from there, and nothing is made of it in between.</summary>
public interface IUnreadRow
{
    Row Read();

    /// <returns>False when the field cannot travel as it is: the row has to be read for what can. What was written of it counts for nothing.</returns>
    bool TryWrite(CanonicalJsonWriter json, int ordinal);
}
