using System.Text.Json;

namespace Tidemark.Model.Protocol;

/// <summary>The serializer refuses a null member, never a null in a list: a message looks through its own when it was read.</summary>
internal static class NoNulls
{
    /// <exception cref="JsonException">There is one.</exception>
    public static void In(IEnumerable<object?>? items, string member)
    {
        if (items is not null && items.Any(i => i is null))
        {
            throw new JsonException($"{member} has a null in it.");
        }
    }
}
