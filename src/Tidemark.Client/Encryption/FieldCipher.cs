using System.Buffers.Text;
using System.Security.Cryptography;
using Tidemark.Client.Environment;
using Tidemark.Model.Values;

namespace Tidemark.Client.Encryption;

/// <summary>
/// Encrypts single values: AES-256-GCM under a subkey of the value's own, derived by HKDF-SHA256 from the key and 16 random bytes, which also gives a commitment to the
/// key. docs/internals/encryption.md has the bytes. Two encryptions of one value differ; whether two values are the same can only be told by reading them.
/// </summary>
public sealed class FieldCipher
{
    internal const byte AesGcmAlgorithm = 1;
    private const int SaltBytes = 16;
    private const int CommitBytes = 16;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const int KeyIdBytes = 16;
    private const int HeadBytes = 5 + KeyIdBytes;
    private const int Overhead = HeadBytes + SaltBytes + CommitBytes + NonceBytes + TagBytes;
    private const string MagicText = "U0Ux"; // The magic as base64url has it.
    private static readonly byte[] Info = "tidemark field v1"u8.ToArray();
    private readonly RandomSource _random;

    /// <exception cref="PlatformNotSupportedException">This machine's cryptography has no AES-GCM.</exception>
    public FieldCipher(RandomSource random)
    {
        ArgumentNullException.ThrowIfNull(random);
        _random = AesGcm.IsSupported ? random : throw new PlatformNotSupportedException("Field encryption needs AES-GCM, which this machine's cryptography has not.");
    }

    private static ReadOnlySpan<byte> Magic => "SE1"u8;

    /// <summary>The value as it leaves the device: text of A-Z, a-z, 0-9, - and _. A null is not encrypted and stays one.</summary>
    /// <exception cref="ArgumentException">There is nothing to encrypt: the value is absent.</exception>
    public Value Encrypt(FieldKey key, FieldPlace place, Value value)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(place);
        if (value.IsNull)
        {
            return value;
        }

        var plain = PlainForm.Write(value);
        var envelope = new byte[Overhead + plain.Length];
        Magic.CopyTo(envelope);
        (envelope[3], envelope[4]) = (AesGcmAlgorithm, KeyIdBytes);
        key.Id.TryWriteBytes(envelope.AsSpan(5, KeyIdBytes), bigEndian: true, out _);
        var parts = Parts.Of(envelope);
        _random(parts.Salt);
        _random(parts.Nonce);
        Span<byte> subkey = stackalloc byte[32 + CommitBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key.Secret, subkey, parts.Salt, Info);
        subkey[32..].CopyTo(parts.Commit);
        using var aes = new AesGcm(subkey[..32], TagBytes);
        aes.Encrypt(parts.Nonce, plain, parts.Cipher, parts.Tag, place.Bound(AesGcmAlgorithm, key.Id));
        CryptographicOperations.ZeroMemory(subkey);
        CryptographicOperations.ZeroMemory(plain);
        return Value.Text(Base64Url.EncodeToString(envelope));
    }

    /// <exception cref="FieldCipherException">It cannot be read.</exception>
    public Value Decrypt(KeyRing keys, FieldPlace place, Value value)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(place);
        if (value.IsNull || value.IsAbsent)
        {
            return value;
        }

        var envelope = Envelope(value);
        var id = new Guid(envelope.AsSpan(5, KeyIdBytes), bigEndian: true);
        var key = keys.Find(id) ?? throw new FieldCipherException(CipherTrouble.MissingKey, $"It is encrypted under key {id:D}, which is not here.", id);
        var parts = Parts.Of(envelope);
        Span<byte> subkey = stackalloc byte[32 + CommitBytes];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key.Secret, subkey, parts.Salt, Info);
        var plain = new byte[parts.Cipher.Length];
        try
        {
            if (!CryptographicOperations.FixedTimeEquals(subkey[32..], parts.Commit))
            {
                throw new FieldCipherException(CipherTrouble.Refused, $"It was not made under key {id:D}.", id);
            }

            using var aes = new AesGcm(subkey[..32], TagBytes);
            aes.Decrypt(parts.Nonce, parts.Cipher, parts.Tag, plain, place.Bound(AesGcmAlgorithm, id));
            return PlainForm.Read(plain) ?? throw new FieldCipherException(CipherTrouble.UnknownEnvelope, "What it holds is of no form that is known here.", id);
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new FieldCipherException(CipherTrouble.Refused, "It was changed, or does not belong here.", id, e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(subkey);
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    /// <summary>The key that an encrypted value names; null: it is no encrypted value.</summary>
    public static Guid? KeyIdOf(Value value)
    {
        try
        {
            return value.IsNull || value.IsAbsent ? null : new Guid(Envelope(value).AsSpan(5, KeyIdBytes), bigEndian: true);
        }
        catch (FieldCipherException)
        {
            return null;
        }
    }

    /// <summary>Is it an encrypted value, wherever it came from?</summary>
    public static bool IsEnvelope(Value value) => value.Kind == ValueKind.Text && value.AsText.StartsWith(MagicText, StringComparison.Ordinal) && KeyIdOf(value) is not null;

    /// <summary>The same value under the ring's current key; itself when it is under that one already. Its place, and with it its stamp, stay as they are.</summary>
    /// <exception cref="FieldCipherException">It cannot be read.</exception>
    /// <exception cref="InvalidOperationException">The ring is empty.</exception>
    public Value Renew(KeyRing keys, FieldPlace place, Value value)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var current = keys.Current ?? throw new InvalidOperationException("There is no key to encrypt under.");
        return value.IsNull || KeyIdOf(value) == current.Id ? value : Encrypt(current, place, Decrypt(keys, place, value));
    }

    private static byte[] Envelope(Value value)
    {
        var envelope = Array.Empty<byte>();
        try
        {
            envelope = value.Kind == ValueKind.Text ? Base64Url.DecodeFromChars(value.AsText) : [];
        }
        catch (FormatException)
        {
            // Told below.
        }

        return envelope.Length > Overhead && envelope.AsSpan(0, 3).SequenceEqual(Magic) && envelope[3] == AesGcmAlgorithm && envelope[4] == KeyIdBytes
            ? envelope
            : throw new FieldCipherException(CipherTrouble.UnknownEnvelope, "It is no encrypted value that this version can read.");
    }

    private readonly ref struct Parts
    {
        public Span<byte> Salt { get; private init; }

        public Span<byte> Commit { get; private init; }

        public Span<byte> Nonce { get; private init; }

        public Span<byte> Cipher { get; private init; }

        public Span<byte> Tag { get; private init; }

        public static Parts Of(byte[] envelope)
        {
            var rest = envelope.AsSpan(HeadBytes);
            return new Parts
            {
                Salt = rest[..SaltBytes],
                Commit = rest.Slice(SaltBytes, CommitBytes),
                Nonce = rest.Slice(SaltBytes + CommitBytes, NonceBytes),
                Cipher = rest[(SaltBytes + CommitBytes + NonceBytes)..^TagBytes],
                Tag = rest[^TagBytes..],
            };
        }
    }
}
