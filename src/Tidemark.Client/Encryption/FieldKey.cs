using System.Security.Cryptography;

namespace Tidemark.Client.Encryption;

/// <summary>A key that fields are encrypted under. Every value has a subkey of its own, so that any number of devices may share it.</summary>
public sealed class FieldKey
{
    internal const int SecretBytes = 32;
    private readonly byte[] _secret;

    /// <param name="id">Its name, which every value names; random.</param>
    /// <param name="epoch">1 for the first key, one more with every rotation.</param>
    /// <param name="secret">32 random bytes; copied.</param>
    /// <exception cref="ArgumentException">The secret has another length, or the epoch is none.</exception>
    public FieldKey(Guid id, int epoch, ReadOnlySpan<byte> secret)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(epoch, 1);
        if (secret.Length != SecretBytes)
        {
            throw new ArgumentException($"A key has {SecretBytes} bytes.", nameof(secret));
        }

        (Id, Epoch, _secret) = (id, epoch, secret.ToArray());
    }

    public Guid Id { get; }

    public int Epoch { get; }

    internal ReadOnlySpan<byte> Secret => _secret;

    internal bool HasSameSecret(FieldKey other) => CryptographicOperations.FixedTimeEquals(_secret, other._secret);
}
