using System.Buffers.Binary;

namespace Tidemark.Health.Apple.Xml;

/// <summary>What was once made of some bytes, by those bytes: a file repeats a few hundred texts a million times. When it is full it starts anew.</summary>
internal sealed class ByteKeys<T>
{
    private const int EntriesMax = 16_384;
    private const int KeyBytesMax = 512;
    private Entry[] _entries = new Entry[512];
    private Entry _last;
    private int _count;

    public bool TryGet(ReadOnlySpan<byte> key, out T value)
    {
        // Records come type by type: mostly it is the last one again.
        if (_last.Key is { } last && key.SequenceEqual(last))
        {
            value = _last.Value;
            return true;
        }

        var hash = Hash(key);
        for (var i = hash & (_entries.Length - 1); _entries[i].Key is { } known; i = (i + 1) & (_entries.Length - 1))
        {
            if (_entries[i].Hash == hash && key.SequenceEqual(known))
            {
                _last = _entries[i];
                value = _last.Value;
                return true;
            }
        }

        value = default!;
        return false;
    }

    public T Add(ReadOnlySpan<byte> key, T value)
    {
        if (key.Length > KeyBytesMax)
        {
            return value;
        }

        if (_count >= EntriesMax)
        {
            _entries = new Entry[512];
            _count = 0;
        }
        else if (_count * 2 >= _entries.Length)
        {
            var old = _entries;
            _entries = new Entry[old.Length * 2];
            foreach (var entry in old)
            {
                if (entry.Key is not null)
                {
                    Put(entry);
                }
            }
        }

        Put(new Entry(Hash(key), key.ToArray(), value));
        _count++;
        return value;
    }

    private void Put(Entry entry)
    {
        var i = entry.Hash & (_entries.Length - 1);
        while (_entries[i].Key is not null)
        {
            i = (i + 1) & (_entries.Length - 1);
        }

        _entries[i] = entry;
    }

    private static int Hash(ReadOnlySpan<byte> key)
    {
        var hash = (ulong)key.Length * 0x9E3779B97F4A7C15;
        while (key.Length >= 8)
        {
            hash = (hash ^ BinaryPrimitives.ReadUInt64LittleEndian(key)) * 0xFF51AFD7ED558CCD;
            hash ^= hash >> 32;
            key = key[8..];
        }

        foreach (var b in key)
        {
            hash = (hash ^ b) * 0x100000001B3;
        }

        return (int)(hash ^ (hash >> 29)) & int.MaxValue;
    }

    private readonly record struct Entry(int Hash, byte[]? Key, T Value);
}
