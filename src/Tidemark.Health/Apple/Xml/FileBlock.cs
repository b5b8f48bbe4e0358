namespace Tidemark.Health.Apple.Xml;

/// <summary>A piece of the file. It begins and ends between two elements, as far as that can be seen from the lines.</summary>
/// <param name="Bytes">May be longer than the block.</param>
/// <param name="Length">Bytes of the block.</param>
/// <param name="Start">Where it stands in the file.</param>
/// <param name="IsLast">The file has no more.</param>
internal sealed record FileBlock(byte[] Bytes, int Length, long Start, bool IsLast)
{
    public static FileBlock None { get; } = new([], 0, 0, IsLast: true);

    /// <summary>A copy of what stands behind a place in it.</summary>
    public FileBlock From(int place) => new(Bytes.AsSpan(place, Length - place).ToArray(), Length - place, Start + place, IsLast);

    /// <summary>This one and the next.</summary>
    public FileBlock Join(FileBlock next) => new([.. Bytes.AsSpan(0, Length), .. next.Bytes.AsSpan(0, next.Length)], Length + next.Length, Start, next.IsLast);
}
