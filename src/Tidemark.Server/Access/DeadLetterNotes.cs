using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Access;

/// <summary>What devices have told of their dead letters, as lines of their user's access book. Pure.</summary>
internal static class DeadLetterNotes
{
    public const string Kind = "dead";
    private const int FilesPerUserMax = 100;
    private const int CodeLengthMax = 64;

    /// <exception cref="ServerException">BAD_REQUEST.</exception>
    public static void Check(DeadLetterReport report)
    {
        Identifiers.Check("storeId", report.StoreId);
        if (report.DeadLetters.Count > DeadLetterReport.LinesMax)
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"deadLetters has at most {DeadLetterReport.LinesMax} lines.");
        }

        foreach (var line in report.DeadLetters)
        {
            if (line.EntityType.Length is 0 or > Identifiers.CharactersMax || line.EntityType.Any(char.IsControl) || !IsCode(line.Code) || line.Count < 1 || !IsTime(line.Oldest))
            {
                throw Problems.Of(ErrorCodes.BadRequest, $"A line of deadLetters has entityType (1 to {Identifiers.CharactersMax} characters), code (capital letters, digits and _), count (at least 1) and oldest (a time).");
            }
        }
    }

    /// <summary>In place of what the file said before; of too many files the one that has been silent longest is forgotten.</summary>
    public static IEnumerable<AccessEntry> Put(IReadOnlyList<AccessEntry> notes, string device, DeadLetterReport report, long nowMs, long expires)
    {
        var others = notes.Where(n => n.Id != report.StoreId);
        if (report.DeadLetters.Count == 0)
        {
            return others;
        }

        var value = JsonSerializer.Serialize(new DeadLetterNote(device, nowMs, report.DeadLetters), AccessJson.Default.DeadLetterNote);
        return others.OrderByDescending(n => Read(n).At).ThenBy(n => n.Id, StringComparer.Ordinal).Take(FilesPerUserMax - 1).Append(new AccessEntry(Kind, report.StoreId, value, expires));
    }

    public static DeviceDeadLetters Of(UserId user, AccessEntry entry)
    {
        var note = Read(entry);
        return new DeviceDeadLetters { User = user.Value, DeviceId = note.Device, StoreId = entry.Id, ReportedAt = WireTime.ToText(DateTimeOffset.FromUnixTimeMilliseconds(note.At)), DeadLetters = note.Lines };
    }

    private static DeadLetterNote Read(AccessEntry entry) => JsonSerializer.Deserialize(entry.Value, AccessJson.Default.DeadLetterNote)!;

    private static bool IsTime(string text)
    {
        try
        {
            WireTime.Parse(text);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static bool IsCode(string code) => code.Length is > 0 and <= CodeLengthMax && code.All(c => c is (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '_');
}

/// <param name="Device">Which told it.</param>
/// <param name="At">When, in milliseconds since 1970.</param>
/// <param name="Lines">What.</param>
internal sealed record DeadLetterNote(string Device, long At, IReadOnlyList<DeadLetterCount> Lines);
