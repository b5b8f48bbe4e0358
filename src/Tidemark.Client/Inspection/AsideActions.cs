using System.Text;
using Tidemark.Client.Engines;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Inspection;

/// <summary>A version of a row that the server has shown and that cannot stand here yet. Every run tries it again, however often it failed; a newer version takes its place.</summary>
/// <param name="Type">The entity type's name.</param>
/// <param name="Key">The row's key in wire form.</param>
/// <param name="Version">The row version.</param>
/// <param name="Cause">One of <see cref="AsideCause"/>.</param>
/// <param name="Detail">What was met; null where the cause says it.</param>
/// <param name="Tries">How often it was tried.</param>
/// <param name="Since">Since when it is put aside.</param>
/// <param name="Raw">The change as it came.</param>
public sealed record AsideItem(string Type, string Key, long Version, string Cause, string? Detail, int Tries, DateTimeOffset Since, string Raw)
{
    /// <summary>It waits for an edit of this device to have its end, and for nothing else: that edit is what can be decided.</summary>
    public bool WaitsForOwnEdit => Cause is AsideCause.AwaitingVerdict or AsideCause.Diverged or AsideCause.ManualRequired;
}

/// <summary>What a person can do about rows that are put aside.</summary>
internal sealed class AsideActions(StoreSession session, SyncEnvironment environment)
{
    public static IReadOnlyList<AsideItem> Read(StoreSession session) => [.. session.Aside.ReadAll().Select(ItemOf)];

    /// <exception cref="InvalidOperationException">It waits for an edit of this device.</exception>
    public bool Discard(string type, string key)
    {
        if (session.Aside.ReadAll().Find(a => a.Type == type && a.Key == key) is not { } aside)
        {
            return false;
        }

        if (ItemOf(aside).WaitsForOwnEdit)
        {
            throw new InvalidOperationException($"{type} {key} waits for an edit made here ({aside.Cause}): settle, retry or discard that one.");
        }

        var change = Readable(aside);
        session.Conflicts.Add(new ConflictRecord
        {
            At = DateTimeOffset.FromUnixTimeMilliseconds(environment.NowMs), Type = type, Key = key, Outcome = ConflictRecord.AsideDiscarded, Local = LiveOf(type, key), Server = change, Merged = LiveOf(type, key),
            Reason = $"The server's version {aside.Version} was put aside ({aside.Cause}{(aside.Detail is null ? "" : ": " + aside.Detail)}) and somebody discarded it here.{(change is null ? " It was " + Encoding.UTF8.GetString(aside.Raw) : "")}",
            ServerVersion = aside.Version,
        });
        session.Aside.Drop(type, key, aside.Version);
        return true;
    }

    private static AsideItem ItemOf(AsideRow aside) =>
        new(aside.Type, aside.Key, aside.Version, aside.Cause, aside.Detail, aside.Tries, DateTimeOffset.FromUnixTimeMilliseconds(aside.FirstAtMs), Encoding.UTF8.GetString(aside.Raw));

    private Model.Values.Row? Readable(AsideRow aside)
    {
        try
        {
            return ChangesPage.ReadChange(aside.Raw, session.Model) is { Fault: null, Row: { } row } ? row : null;
        }
        catch (WireFormatException)
        {
            return null;
        }
    }

    private Model.Values.Row? LiveOf(string type, string key)
    {
        try
        {
            return session.FindTable(type) is { } table ? LiveRows.Read(session, table, StoreSession.KeyFrom(table.Type, key)).Visible : null;
        }
        catch (UnfitValueException)
        {
            return null;
        }
    }
}
