using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Tidemark.Client.Encryption;

/// <summary>Where a value stands. A value that was encrypted for one place cannot be read at another: nobody who holds the rows can move it, or give an old one out as new.</summary>
/// <param name="App">Whose data it is: an app's name, or a space.</param>
/// <param name="Entity">The entity type.</param>
/// <param name="Row">The row's key in wire form. It must never change: of types whose ids the server gives, it does.</param>
/// <param name="Field">The field's name on the wire.</param>
/// <param name="Stamp">When and by whom it was written, where edits have stamps; else empty.</param>
public sealed record FieldPlace(string App, string Entity, string Row, string Field, string Stamp = "")
{
    /// <summary>The place and the envelope's head, each part behind its length: no two places give the same bytes.</summary>
    internal byte[] Bound(byte algorithm, Guid key)
    {
        string[] parts = ["tidemark-field", algorithm.ToString(CultureInfo.InvariantCulture), key.ToString("N"), App, Entity, Row, Field, Stamp];
        var bytes = new byte[parts.Sum(p => sizeof(int) + Encoding.UTF8.GetByteCount(p))];
        var at = 0;
        foreach (var part in parts)
        {
            var count = Encoding.UTF8.GetBytes(part, bytes.AsSpan(at + sizeof(int)));
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at), count);
            at += sizeof(int) + count;
        }

        return bytes;
    }
}
