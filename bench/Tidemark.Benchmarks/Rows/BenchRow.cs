using System.Globalization;
using System.Text;
using Tidemark.Model.Values;

namespace Tidemark.Benchmarks.Rows;

/// <summary>One row as UTF-8, made from its number alone: 36 + 36 + 12 + 40 + 124 + 24 + 24 bytes of text and three numbers of eight.</summary>
internal sealed class BenchRow
{
    private static readonly long Start = new DateTimeOffset(2025, 1, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();

    private static readonly string[] Words = ["tide", "mark", "water", "journal", "morning", "coffee", "walk", "quiet", "rain", "letter", "garden", "train"];

    private static int _edits;

    private BenchRow(int number)
    {
        var random = new Random(number);
        Span<byte> bytes = stackalloc byte[10];
        random.NextBytes(bytes);
        Id = Encoding.UTF8.GetBytes(UuidV7.Create(Start + number, bytes).ToString("D"));
        Title = Sentence(random, 40);
        Body = Sentence(random, 124);
        CreatedAt = Time(Start + (number * 1000L));
        UpdatedAt = Time(Start + (number * 1000L) + random.Next(1_000_000));
        Mood = random.Next(1, 6);
        Score = random.Next(0, 10_000) / 100.0;
        Revision = number;
    }

    public byte[] Id { get; }

    public byte[] UserId { get; } = "0194a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1b"u8.ToArray();

    public byte[] Kind { get; } = "reflection--"u8.ToArray();

    public byte[] Title { get; private set; }

    public byte[] Body { get; }

    public byte[] CreatedAt { get; }

    public byte[] UpdatedAt { get; }

    public long Mood { get; }

    public double Score { get; }

    public long Revision { get; }

    public static BenchRow Of(int number) => new(number);

    public static IEnumerable<BenchRow> Range(int first, int count) => Enumerable.Range(first, count).Select(Of);

    /// <summary>The same row with another title, a new one each time.</summary>
    public BenchRow Edited()
    {
        var edited = (BenchRow)MemberwiseClone();
        edited.Title = Sentence(new Random(Interlocked.Increment(ref _edits) - 1_000_000_000), 40);
        return edited;
    }

    private static byte[] Sentence(Random random, int length)
    {
        var text = new StringBuilder(length + 10);
        while (text.Length < length)
        {
            text.Append(Words[random.Next(Words.Length)]).Append(' ');
        }

        return Encoding.UTF8.GetBytes(text.ToString(0, length));
    }

    private static byte[] Time(long milliseconds) =>
        Encoding.UTF8.GetBytes(DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
}
