using Tidemark.Client.Environment;

namespace Tidemark.Client.Encryption;

/// <summary>The keys that a device has. New values are written under the newest; the others are kept, for whatever still names them.</summary>
public sealed class KeyRing
{
    private readonly Dictionary<Guid, FieldKey> _keys = [];

    /// <param name="keys">In any order.</param>
    /// <exception cref="ArgumentException">Two secrets go by one name.</exception>
    public KeyRing(IEnumerable<FieldKey> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        foreach (var key in keys)
        {
            if (!_keys.TryAdd(key.Id, key) && !_keys[key.Id].HasSameSecret(key))
            {
                throw new ArgumentException($"Two keys are named {key.Id:D}.", nameof(keys));
            }
        }
    }

    public static KeyRing Empty { get; } = new([]);

    /// <summary>The oldest first; of one epoch, in the order of their names, which is the same on every device.</summary>
    public IReadOnlyList<FieldKey> Keys => [.. _keys.Values.OrderBy(k => k.Epoch).ThenBy(k => k.Id)];

    /// <summary>The key that new values are written under; null: there is none, and nothing that is to be encrypted can be written.</summary>
    public FieldKey? Current => Keys is [.., var newest] ? newest : null;

    public FieldKey? Find(Guid id) => _keys.GetValueOrDefault(id);

    /// <summary>This ring with a new key, which is the current one from now on.</summary>
    public KeyRing Rotated(RandomSource random)
    {
        ArgumentNullException.ThrowIfNull(random);
        Span<byte> bytes = stackalloc byte[16 + FieldKey.SecretBytes];
        random(bytes);
        return new KeyRing([.. Keys, new FieldKey(new Guid(bytes[..16]), (Current?.Epoch ?? 0) + 1, bytes[16..])]);
    }

    /// <summary>The keys of both: what another device has rotated meanwhile.</summary>
    /// <exception cref="ArgumentException">Two secrets go by one name.</exception>
    public KeyRing With(KeyRing other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new KeyRing([.. Keys, .. other.Keys]);
    }
}
