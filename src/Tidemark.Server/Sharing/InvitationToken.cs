using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Sharing;

/// <summary>What an invitation is accepted with: the space's name and a secret of which the server keeps the hash alone.</summary>
internal static class InvitationToken
{
    public const int SecretBytes = 32;
    private const int CharactersMax = 2000;

    public static string Of(SpaceId space, byte[] secret) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(space.Value)) + "." + Base64Url.EncodeToString(secret);

    public static string HashOf(byte[] secret) => Convert.ToHexStringLower(SHA256.HashData(secret));

    /// <exception cref="ServerException">BAD_REQUEST: no token of an invitation.</exception>
    public static (SpaceId Space, string SecretHash) Read(string? token)
    {
        var parts = token is { Length: <= CharactersMax } ? token.Split('.') : [];
        try
        {
            if (parts.Length == 2 && Base64Url.DecodeFromChars(parts[1]) is { Length: SecretBytes } secret)
            {
                var space = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(parts[0]));
                Identifiers.CheckSpace(space);
                return (new SpaceId(space), HashOf(secret));
            }
        }
        catch (FormatException e)
        {
            throw Problems.Of(ErrorCodes.BadRequest, "That is no token of an invitation.", e);
        }

        throw Problems.Of(ErrorCodes.BadRequest, "That is no token of an invitation.");
    }
}
