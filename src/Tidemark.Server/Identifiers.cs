using System.Buffers;
using Tidemark.Model.Protocol;

namespace Tidemark.Server;

/// <summary>What names of devices, files and spaces may look like: they stand in logs, keys and answers.</summary>
internal static class Identifiers
{
    public const int CharactersMax = 200;

    private static readonly SearchValues<char> Printable = SearchValues.Create([.. Enumerable.Range(0x21, 0x7F - 0x21).Select(c => (char)c)]);

    /// <exception cref="ServerException">BAD_REQUEST: missing, too long, or with characters other than printable ASCII without spaces.</exception>
    public static void Check(string member, string? value)
    {
        if (string.IsNullOrEmpty(value) || value.Length > CharactersMax || value.AsSpan().ContainsAnyExcept(Printable))
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"{member} must have 1 to {CharactersMax} characters of printable ASCII, no spaces.");
        }
    }

    /// <summary>Spaces carry the names of users, which are not ASCII everywhere.</summary>
    /// <exception cref="ServerException">BAD_REQUEST: too long, or with control characters or half surrogate pairs.</exception>
    public static void CheckSpace(string value)
    {
        if (value.Length > CharactersMax || value.EnumerateRunes().Any(r => r.Value < 0x20 || r.Value is >= 0x7F and < 0xA0 or 0xFFFD))
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"space must have at most {CharactersMax} characters, none of them a control character.");
        }
    }
}
