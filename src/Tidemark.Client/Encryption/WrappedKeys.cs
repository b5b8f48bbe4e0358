using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Tidemark.Client.Environment;

namespace Tidemark.Client.Encryption;

/// <summary>
/// Keys as they may lie about: each encrypted under a key that is made of a passphrase (PBKDF2-HMAC-SHA256). It is JSON that tells the keys' names and epochs and nothing
/// else; it can be kept anywhere and travel as an ordinary row. Whoever has it can guess passphrases as long as they like: it protects as well as the passphrase is long.
/// </summary>
public static class WrappedKeys
{
    /// <summary>Rounds of PBKDF2 for a new wrapping. Fewer are not opened, so that nobody can have them made cheap to guess.</summary>
    public const int IterationsMin = 600_000;

    private const int IterationsMax = 50_000_000;
    private const int SaltBytes = 16;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int KeysMax = 10_000;

    /// <param name="keys">What to wrap.</param>
    /// <param name="passphrase">As it was typed, letter for letter: a program without globalization data could not tell composed letters from decomposed ones, and another one could not open it.</param>
    /// <param name="random">Where salts come from.</param>
    /// <exception cref="ArgumentException">The passphrase is empty.</exception>
    public static string Wrap(KeyRing keys, string passphrase, RandomSource random)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentException.ThrowIfNullOrEmpty(passphrase);
        ArgumentNullException.ThrowIfNull(random);
        var salt = new byte[SaltBytes];
        random(salt);
        using var aes = CipherOf(passphrase, salt, IterationsMin);
        var wrapped = new WrappedKeySet { Iterations = IterationsMin, Salt = salt, Keys = [.. keys.Keys.Select(k => WrapOne(k, aes, random))] };
        return JsonSerializer.Serialize(wrapped, WrappedKeyJson.Default.WrappedKeySet);
    }

    /// <exception cref="FieldCipherException">Refused: another passphrase, or it was changed. UnknownEnvelope: it is something else, or of a later version.</exception>
    public static KeyRing Open(string wrapped, string passphrase)
    {
        ArgumentNullException.ThrowIfNull(passphrase);
        var set = Read(wrapped);
        using var aes = CipherOf(passphrase, set.Salt, set.Iterations);
        return new KeyRing(set.Keys.Select(k => OpenOne(k, aes)).ToList());
    }

    /// <summary>The same keys under another passphrase. Whoever kept the former wrapping can still open that one with the former passphrase: rotate, where that matters.</summary>
    /// <exception cref="FieldCipherException">As <see cref="Open"/>.</exception>
    public static string ChangePassphrase(string wrapped, string former, string passphrase, RandomSource random) => Wrap(Open(wrapped, former), passphrase, random);

    /// <summary>The names and epochs of the keys in it, without a passphrase.</summary>
    /// <exception cref="FieldCipherException">UnknownEnvelope: it is something else, or of a later version.</exception>
    public static IReadOnlyList<(Guid Id, int Epoch)> List(string wrapped) => [.. Read(wrapped).Keys.Select(k => (k.Id, k.Epoch))];

    private static WrappedKeySet Read(string wrapped)
    {
        ArgumentNullException.ThrowIfNull(wrapped);
        try
        {
            if (JsonSerializer.Deserialize(wrapped, WrappedKeyJson.Default.WrappedKeySet) is { Version: 1, Kdf: WrappedKeySet.Pbkdf2, Iterations: >= IterationsMin and <= IterationsMax, Salt.Length: SaltBytes, Keys.Count: <= KeysMax } set
                && set.Keys.All(k => k is { Epoch: > 0, Nonce.Length: NonceBytes, Key.Length: FieldKey.SecretBytes + TagBytes }))
            {
                return set;
            }
        }
        catch (JsonException e)
        {
            throw new FieldCipherException(CipherTrouble.UnknownEnvelope, "These are no wrapped keys.", null, e);
        }

        throw new FieldCipherException(CipherTrouble.UnknownEnvelope, "These are no wrapped keys that this version can open.");
    }

    private static WrappedKey WrapOne(FieldKey key, AesGcm aes, RandomSource random)
    {
        var nonce = new byte[NonceBytes];
        random(nonce);
        var box = new byte[FieldKey.SecretBytes + TagBytes];
        aes.Encrypt(nonce, key.Secret, box.AsSpan(0, FieldKey.SecretBytes), box.AsSpan(FieldKey.SecretBytes), Bound(key.Id, key.Epoch));
        return new WrappedKey { Id = key.Id, Epoch = key.Epoch, Nonce = nonce, Key = box };
    }

    private static FieldKey OpenOne(WrappedKey key, AesGcm aes)
    {
        Span<byte> secret = stackalloc byte[FieldKey.SecretBytes];
        try
        {
            aes.Decrypt(key.Nonce, key.Key.AsSpan(0, FieldKey.SecretBytes), key.Key.AsSpan(FieldKey.SecretBytes), secret, Bound(key.Id, key.Epoch));
            return new FieldKey(key.Id, key.Epoch, secret);
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new FieldCipherException(CipherTrouble.Refused, "The passphrase is another one, or the wrapped keys were changed.", key.Id, e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private static byte[] Bound(Guid id, int epoch)
    {
        var bytes = new byte[16 + sizeof(int)];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(16), epoch);
        return bytes;
    }

    private static AesGcm CipherOf(string passphrase, byte[] salt, int iterations)
    {
        var secret = Encoding.UTF8.GetBytes(passphrase);
        Span<byte> key = stackalloc byte[32];
        try
        {
            Rfc2898DeriveBytes.Pbkdf2(secret, salt, key, iterations, HashAlgorithmName.SHA256);
            return new AesGcm(key, TagBytes);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
            CryptographicOperations.ZeroMemory(key);
        }
    }
}

/// <summary>The JSON of wrapped keys.</summary>
internal sealed record WrappedKeySet
{
    public const string Pbkdf2 = "pbkdf2-hmac-sha256";

    [JsonPropertyName("version")]
    public int Version { get; init; } = 1;

    [JsonPropertyName("kdf")]
    public string Kdf { get; init; } = Pbkdf2;

    [JsonPropertyName("iterations")]
    public required int Iterations { get; init; }

    [JsonPropertyName("salt")]
    public required byte[] Salt { get; init; }

    [JsonPropertyName("keys")]
    public required IReadOnlyList<WrappedKey> Keys { get; init; }
}

/// <summary>One of them.</summary>
internal sealed record WrappedKey
{
    [JsonPropertyName("id")]
    public required Guid Id { get; init; }

    [JsonPropertyName("epoch")]
    public required int Epoch { get; init; }

    [JsonPropertyName("nonce")]
    public required byte[] Nonce { get; init; }

    [JsonPropertyName("key")]
    public required byte[] Key { get; init; }
}

[JsonSerializable(typeof(WrappedKeySet))]
internal sealed partial class WrappedKeyJson : JsonSerializerContext;
