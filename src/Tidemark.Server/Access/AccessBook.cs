using System.Text.Json;
using System.Text.Json.Serialization;
using Tidemark.Model.Protocol;

namespace Tidemark.Server.Access;

/// <summary>A user's access book as it is thought of. Pure: entries and the time go in, entries come out.</summary>
internal sealed class AccessBook
{
    private const string DeviceKind = "device";
    private const string TokenKind = "token";
    private const string BeforeKind = "before";
    private const string SessionKind = "session";
    private const string RateKind = "rate";
    private const string CommandsId = "commands";
    private const int TokensKeptMax = 8;

    /// <summary>A refresh token that was used may be used once more within this time: the answer may have been lost.</summary>
    public const long GraceMs = 30_000;

    /// <summary>How long a revocation is remembered when nobody says how long the token would have lived.</summary>
    public const long KeptMs = 400L * 24 * 3600 * 1000;
    private const long HourMs = 3600 * 1000;
    private readonly Dictionary<(string Kind, string Id), AccessEntry> _entries;
    private readonly long _now;

    public AccessBook(IEnumerable<AccessEntry> entries, long nowMs)
    {
        _now = nowMs;
        _entries = entries.Where(e => e.Expires == 0 || e.Expires > nowMs).ToDictionary(e => (e.Kind, e.Id));
    }

    public IReadOnlyList<AccessEntry> Entries => [.. _entries.Values.OrderBy(e => e.Kind, StringComparer.Ordinal).ThenBy(e => e.Id, StringComparer.Ordinal)];

    public IEnumerable<(string Id, DeviceNote Note)> Devices =>
        _entries.Values.Where(e => e.Kind == DeviceKind).OrderBy(e => e.Id, StringComparer.Ordinal).Select(e => (e.Id, Read(e, AccessJson.Default.DeviceNote)));

    public DeviceNote? Device(string id) => _entries.TryGetValue((DeviceKind, id), out var e) ? Read(e, AccessJson.Default.DeviceNote) : null;

    public void Put(string device, DeviceNote note) => Set(DeviceKind, device, JsonSerializer.Serialize(note, AccessJson.Default.DeviceNote), 0);

    /// <summary>Is the token of that id, made at that time, revoked?</summary>
    public bool IsRevoked(string? token, long? issuedMs) =>
        (token is not null && _entries.ContainsKey((TokenKind, token)))
        || (_entries.TryGetValue((BeforeKind, ""), out var before) && (issuedMs ?? 0) <= long.Parse(before.Value, System.Globalization.CultureInfo.InvariantCulture));

    public void RevokeToken(string token, long expires)
    {
        _entries.Remove((SessionKind, token));
        Set(TokenKind, token, "", expires);
    }

    public void RevokeAll()
    {
        foreach (var session in _entries.Keys.Where(k => k.Kind == SessionKind).ToArray())
        {
            _entries.Remove(session);
        }

        Set(BeforeKind, "", _now.ToString(System.Globalization.CultureInfo.InvariantCulture), 0);
    }

    /// <summary>The device is noted with the token it comes with; new, or not seen for an hour, or with a token it did not have.</summary>
    public bool IsNoteDue(DeviceNote? note, string? token) =>
        note is null || _now - note.Seen >= HourMs || (token is not null && !note.Tokens.Contains(token, StringComparer.Ordinal));

    public void Note(string device, string? name, string? token)
    {
        var known = Device(device);
        var tokens = token is null ? known?.Tokens ?? [] : [token, .. (known?.Tokens ?? []).Where(t => t != token).Take(TokensKeptMax - 1)];
        Put(device, new DeviceNote(name ?? known?.Name, known?.Since ?? _now, _now, IsRevoked: false, tokens));
    }

    /// <summary>The device, and with it the tokens that no other device has come with.</summary>
    public void RevokeDevice(string device)
    {
        var note = Device(device) ?? new DeviceNote(null, _now, _now, IsRevoked: true, []);
        var others = Devices.Where(d => d.Id != device && !d.Note.IsRevoked).SelectMany(d => d.Note.Tokens).ToHashSet(StringComparer.Ordinal);
        foreach (var token in note.Tokens.Where(t => !others.Contains(t)))
        {
            RevokeToken(token, _now + KeptMs);
        }

        Put(device, note with { IsRevoked = true, Tokens = [] });
    }

    /// <summary>The next generation of a session; null: the token was used before, and the session is over for whoever has it.</summary>
    public int? Refresh(string session, int generation, long expires)
    {
        var note = _entries.TryGetValue((SessionKind, session), out var e) ? Read(e, AccessJson.Default.SessionNote) : new SessionNote(0, _now);
        if (generation == note.Generation)
        {
            note = new SessionNote(generation + 1, _now);
        }
        else if (generation != note.Generation - 1 || _now - note.At > GraceMs)
        {
            RevokeToken(session, expires);
            return null;
        }

        Set(SessionKind, session, JsonSerializer.Serialize(note, AccessJson.Default.SessionNote), expires);
        return note.Generation;
    }

    /// <summary>Counts commands into the hour; when they are too many, nothing is counted, and the milliseconds until some fit again come back.</summary>
    public long? Count(int commands, int max)
    {
        var note = _entries.TryGetValue((RateKind, CommandsId), out var e) ? Read(e, AccessJson.Default.RateNote) : new RateNote(_now / HourMs, 0, 0);
        var hour = _now / HourMs;
        note = note.Hour == hour ? note : new RateNote(hour, 0, note.Hour == hour - 1 ? note.Count : 0);

        // The hour before counts for the part of it that the last sixty minutes still have.
        var left = HourMs - (_now % HourMs);
        if (note.Count + (note.Before * left / HourMs) + commands > max)
        {
            return Math.Min(left, 60_000);
        }

        Set(RateKind, CommandsId, JsonSerializer.Serialize(note with { Count = note.Count + commands }, AccessJson.Default.RateNote), _now + (2 * HourMs));
        return null;
    }

    /// <summary>What a file of a device has in dead letters now.</summary>
    public void PutDeadLetters(string device, DeadLetterReport report, long expires)
    {
        var notes = _entries.Values.Where(e => e.Kind == DeadLetterNotes.Kind).ToArray();
        foreach (var note in notes)
        {
            _entries.Remove((note.Kind, note.Id));
        }

        foreach (var note in DeadLetterNotes.Put(notes, device, report, _now, expires))
        {
            _entries.Add((note.Kind, note.Id), note);
        }
    }

    private void Set(string kind, string id, string value, long expires) => _entries[(kind, id)] = new AccessEntry(kind, id, value, expires);

    private static T Read<T>(AccessEntry entry, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) => JsonSerializer.Deserialize(entry.Value, type)!;
}

/// <param name="Name">What its user calls it.</param>
/// <param name="Since">Milliseconds since 1970.</param>
/// <param name="Seen">Milliseconds since 1970; to the hour.</param>
/// <param name="IsRevoked">It is refused.</param>
/// <param name="Tokens">The ids of tokens it came with.</param>
internal sealed record DeviceNote(string? Name, long Since, long Seen, bool IsRevoked, IReadOnlyList<string> Tokens);

/// <param name="Generation">Of the refresh token that is good now.</param>
/// <param name="At">When it was made, in milliseconds since 1970.</param>
internal sealed record SessionNote(int Generation, long At);

/// <param name="Hour">Since 1970.</param>
/// <param name="Count">In that hour.</param>
/// <param name="Before">In the one before.</param>
internal sealed record RateNote(long Hour, long Count, long Before);

[JsonSerializable(typeof(DeviceNote))]
[JsonSerializable(typeof(SessionNote))]
[JsonSerializable(typeof(RateNote))]
[JsonSerializable(typeof(DeadLetterNote))]
internal sealed partial class AccessJson : JsonSerializerContext;
