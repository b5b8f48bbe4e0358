using System.Text;
using System.Text.Json;
using Tidemark.Client.Encryption;
using Tidemark.Client.Remotes.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Joining;

/// <summary>Why a row that a remote shows cannot be merged now.</summary>
internal enum QuarantineCause
{
    /// <summary>It is encrypted under a key that is not here.</summary>
    MissingKey,

    /// <summary>It is encrypted, and was changed or moved.</summary>
    AuthFailed,

    /// <summary>An envelope that this version does not know.</summary>
    UnsupportedEnvelope,

    /// <summary>A type or a form that this device's model does not have.</summary>
    UnknownSchema,

    /// <summary>A stamp of the future: somebody's clock is far ahead.</summary>
    Drift,

    /// <summary>An edit of this device meets another one, and the rule of the field decides only when all remotes are there.</summary>
    RemotesAbsent,

    /// <summary>An edit of this device meets another one, and the rule of the field is that a person decides.</summary>
    PersonNeeded,
}

/// <summary>The row is to be kept as it came.</summary>
internal sealed class QuarantinedException(QuarantineCause cause, string detail) : Exception(detail)
{
    public QuarantineCause Cause { get; } = cause;
}

/// <summary>What a row at a remote says: to be joined (null: nothing), and what the remote shows.</summary>
internal sealed record DecodedRow(JoinedRow? Row, Shadow Shadow);

/// <summary>A row as it is to lie at the remote, and what the remote shows when it has taken it.</summary>
internal sealed record EncodedRow(byte[] Fields, Shadow Shadow);

/// <summary>Between rows as remotes keep them and joined rows: stamps, derived stamps of writers that know none, encryption. Pure.</summary>
internal sealed class RemoteCodec(FieldCipher cipher, KeyRing keys, long nowMs)
{
    /// <summary>How far ahead a stamp may be.</summary>
    public const long DriftMaxMs = 5 * 60 * 1000;

    // Whose data it is need not be told: keys belong to one user's data alone.
    private const string App = "tidemark";

    // Before what writers of deletions had seen: the row is there, because of an edit that none of them had.
    private const string Kept = "kept ";

    public KeyRing Keys => keys;

    /// <param name="type">The type as the device has it.</param>
    /// <param name="remoteType">The type as remotes have it.</param>
    /// <param name="key">The row's key.</param>
    /// <param name="raw">What the remote shows.</param>
    /// <param name="hasStamps">The remote has room for stamps.</param>
    /// <param name="former">What it showed before.</param>
    /// <param name="local">What is known of the row: where the remote has no stamps, an equal value is that value.</param>
    /// <param name="writer">Who has counted there, when it was somebody who knows no stamps: the same number on every device.</param>
    /// <exception cref="QuarantinedException">It cannot be merged now.</exception>
    public DecodedRow Decode(EntityType type, EntityType remoteType, EntityKey key, RemoteRow raw, bool hasStamps, Shadow? former, JoinedRow? local, ulong writer)
    {
        if (raw.IsDeleted)
        {
            return Deleted(type, key, former);
        }

        var (values, extra) = Read(remoteType, raw);
        var text = values[remoteType.Fields.Count - 1];
        var stamps = StampsOf(text);
        var fields = new StampedValue[type.Fields.Count];
        var shadow = new ShadowField[type.Fields.Count];
        var isUnstamped = false;
        Stamp derived = default;
        for (var i = 0; i < fields.Length; i++)
        {
            if (type.IsKey(i) || values[i].IsAbsent)
            {
                continue;
            }

            var wire = Shadow.DigestOf(remoteType.Fields[i], values[i]);
            FieldStamp? known = stamps is not null && stamps.TryGetValue(type.Fields[i].Name, out var found) ? found : null;
            var kept = hasStamps && known is null ? KeptStamp(former, i, wire) : null;
            var value = Plain(type, key, i, values[i], hasStamps ? kept?.Stamp ?? known?.Stamp : null);
            var stamp = kept ?? (known is { } s && s.Digest == wire ? s
                : hasStamps ? Derived(raw, wire, known?.Stamp)
                : WithoutRoom(raw, wire, type, i, value, former, local));
            isUnstamped |= hasStamps && !(known is { } k && k.Digest == wire);
            derived = stamp.Stamp.Node == Stamp.Foreign && stamp.Stamp > derived ? stamp.Stamp : derived;
            if (FieldJoin.IsCollective(type.Fields[i]))
            {
                (fields[i], shadow[i]) = Collective(type, i, value, wire, known, stamp, former, local, writer);
                continue;
            }

            fields[i] = new StampedValue(value, stamp.Stamp, stamp.Before) { Parts = known is { } same && same.Digest == wire ? same.Parts : ClockOf(type, i, values) };
            shadow[i] = new ShadowField(stamp.Stamp, Shadow.DigestOf(type.Fields[i], value), wire, type.Fields[i].Encrypted ? FieldCipher.KeyIdOf(values[i]) : null);
        }

        var deletion = DeletionOf(raw, stamps, hasStamps, former, local, type.DeletePolicy == DeletePolicy.UpdateWins ? derived : default);
        var row = new JoinedRow(type, key, fields, deletion);
        Check(row);
        return new DecodedRow(row, new Shadow
        {
            Version = raw.Version,
            Fields = shadow,
            IsDeleted = hasStamps && row.IsDeleted,
            DeletionStamp = deletion.Stamp,
            DeletionParts = Shadow.HashOf(deletion.Parts),
            IsUnstamped = isUnstamped || (hasStamps && stamps is null),
            IsStampless = !hasStamps,
            Extra = extra,
            OtherStamps = stamps?.Where(s => s.Key != StampsMember.Deletion && type.FindOrdinal(s.Key) < 0).ToDictionary(StringComparer.Ordinal) ?? former?.OtherStamps ?? [],
        });
    }

    /// <summary>What is to be sent so that the remote has the row. Only what it lacks where it takes single fields; a value that it has is not encrypted again.</summary>
    public EncodedRow Encode(JoinedRow row, EntityType remoteType, Shadow? former, RemoteCapabilities capabilities)
    {
        var type = row.Type;

        // Single fields only where nobody can have written in between: their stamps stand beside all of the others, and an encrypted value beside another one's stamp can be read by nobody.
        var isWhole = former is null or { IsMissing: true } || !capabilities.Patches || !capabilities.ConditionalWrites;
        var behind = isWhole ? null : former!.Behind(row).ToHashSet();
        var values = new Value[remoteType.Fields.Count];
        var shadow = new ShadowField[type.Fields.Count];
        var stamps = new Dictionary<string, FieldStamp>(former?.OtherStamps ?? [], StringComparer.Ordinal)
        {
            [StampsMember.Deletion] = new FieldStamp(row.Deletion.Stamp, row.IsDeleted ? 1UL : 0UL, row.Deletion.Before) { Parts = row.IsMarked && !row.IsDeleted ? Kept + row.Deletion.Parts : row.Deletion.Parts },
        };
        for (var i = 0; i < type.Fields.Count; i++)
        {
            if (row.Fields[i] is not { IsKnown: true } field)
            {
                continue;
            }

            // Under an older key, or under another stamp than the one that was derived for it: nobody could read it beside the stamp that is written now.
            var isToBeSealed = former?.Fields[i].Key is { } under && ((keys.Current is { } current && under != current.Id) || (former.IsUnstamped && field.Stamp.Node == Stamp.Foreign));
            if (behind is null || behind.Contains(i) || isToBeSealed)
            {
                values[i] = Sealed(type, row.Key, i, field, capabilities.Stamps ? field.Stamp : Stamp.Zero);
                shadow[i] = new ShadowField(field.Stamp, Shadow.DigestOf(row, i), Shadow.DigestOf(remoteType.Fields[i], values[i]), type.Fields[i].Encrypted && !field.Value.IsNull ? keys.Current!.Id : null) { Parts = Shadow.PartsOf(type.Fields[i], field), Shown = ShownOf(type.Fields[i], field.Value) };
            }
            else
            {
                shadow[i] = former!.Fields[i];
            }

            stamps[type.Fields[i].Name] = new FieldStamp(field.Stamp, shadow[i].Wire, field.Before) { Parts = PartsOnWire(type.Fields[i], field) };
        }

        if (capabilities.Stamps)
        {
            values[^1] = Value.Text(StampsMember.Write(stamps));
        }

        return new EncodedRow(
            Written(remoteType, values, capabilities.Patches ? null : former?.Extra),
            new Shadow { Version = null, Fields = shadow, IsStampless = !capabilities.Stamps, IsDeleted = row.IsDeleted, DeletionStamp = row.Deletion.Stamp, DeletionParts = Shadow.HashOf(row.Deletion.Parts), Extra = former?.Extra, OtherStamps = former?.OtherStamps ?? [] });
    }

    /// <summary>Can the row be sent? Not without a key for what is to be encrypted: the plain value never leaves.</summary>
    public bool CanSeal(JoinedRow row) =>
        keys.Current is not null || !row.Type.Fields.Where((f, i) => f.Encrypted && row.Fields[i] is { IsKnown: true, Value.IsNull: false }).Any();

    /// <summary>Does the row have what the remote showed of it last, in the fields that it showed?</summary>
    public static bool IsAsShown(EntityType type, EntityType remoteType, RemoteRow raw, Shadow shown)
    {
        try
        {
            var (values, _) = Read(remoteType, raw);
            return !Enumerable.Range(0, type.Fields.Count).Any(i => !type.IsKey(i) && !values[i].IsAbsent && shown.Fields[i] is { IsThere: true } field && field.Wire != Shadow.DigestOf(remoteType.Fields[i], values[i]));
        }
        catch (QuarantinedException)
        {
            return false;
        }
    }

    // Somebody deleted the version of the row that was known here: a later edit elsewhere survives that.
    private static DecodedRow Deleted(EntityType type, EntityKey key, Shadow? former)
    {
        var missing = Shadow.Missing(type.Fields.Count);
        if (former is null or { IsMissing: true } or { IsDeleted: true })
        {
            return new DecodedRow(null, missing);
        }

        return new DecodedRow(new JoinedRow(type, key, new StampedValue[type.Fields.Count], former.DeletedByOther(type)), missing);
    }

    private static Dictionary<string, FieldStamp>? StampsOf(Value text)
    {
        if (text.IsAbsent || text.IsNull)
        {
            return null;
        }

        try
        {
            return StampsMember.Read(text.AsText);
        }
        catch (FormatException e)
        {
            throw new QuarantinedException(QuarantineCause.UnknownSchema, e.Message);
        }
    }

    // Whoever left the stamp out has not changed the value: it is as old as it was.
    private static FieldStamp? KeptStamp(Shadow? former, int ordinal, ulong wire) =>
        former is { IsMissing: false } && former.Fields[ordinal] is { IsThere: true } shown && shown.Wire == wire ? new FieldStamp(shown.Stamp, wire, default) : null;

    // A pure function of the row at the remote: every device derives the same.
    private static FieldStamp Derived(RemoteRow raw, ulong wire, Stamp? known) =>
        known is { } stamp && stamp.Ms >= raw.ModifiedMs
            ? new FieldStamp(stamp.Successor(Stamp.Foreign), wire, stamp)
            : new FieldStamp(new Stamp(raw.ModifiedMs, 0, Stamp.Foreign), wire, known ?? default);

    private static FieldStamp WithoutRoom(RemoteRow raw, ulong wire, EntityType type, int ordinal, Value value, Shadow? former, JoinedRow? local)
    {
        if (former is { IsMissing: false } && former.Fields[ordinal] is { IsThere: true } shown && shown.Digest == Shadow.DigestOf(type.Fields[ordinal], value))
        {
            return new FieldStamp(shown.Stamp, wire, default);
        }

        if (local?.Fields[ordinal] is { IsKnown: true } same && same.Value == value)
        {
            return new FieldStamp(same.Stamp, wire, same.Before);
        }

        return Derived(raw, wire, former?.Fields[ordinal] is { IsThere: true } before ? before.Stamp : null);
    }

    // What somebody who knows no stamps has counted, added or taken out follows from what he found. Where he dropped what stood beside the value, from what the remote showed before.
    private static (StampedValue Value, ShadowField Shadow) Collective(EntityType type, int ordinal, Value value, ulong wire, FieldStamp? known, FieldStamp stamp, Shadow? former, JoinedRow? local, ulong writer)
    {
        var field = type.Fields[ordinal];
        var shadow = new ShadowField(stamp.Stamp, Shadow.DigestOf(field, value), wire, null) { Shown = ShownOf(field, value) };
        try
        {
            if (known is { Parts: { } parts } told)
            {
                var found = Settled(field, new StampedValue(Value.Null, told.Stamp, told.Before) { Parts = parts });
                var now = told.Digest == wire ? found : Changed(type, ordinal, found, found.Value, value, stamp.Stamp, writer);
                return (now, shadow with { Stamp = now.Stamp, Digest = Shadow.DigestOf(field, now.Value), Parts = told.Digest == wire ? Shadow.PartsOf(field, now) : 0 });
            }

            var shown = former is { IsMissing: false } && former.Fields[ordinal] is { IsThere: true, Shown: { } text } ? FieldJoin.ValueOf(field, text) : Value.Absent;
            if (local?.Fields[ordinal] is not { IsKnown: true } here)
            {
                return (new StampedValue(value, stamp.Stamp, stamp.Before), shadow);
            }

            if (value == shown || value == here.Value)
            {
                return (default, shadow with { Stamp = here.Stamp, Parts = known is null ? Shadow.PartsOf(field, here) : 0 }); // Nothing that is not known.
            }

            return (field.Policy == FieldPolicy.Counter ? CounterParts.Of(field, here).Set(value, stamp.Stamp) : ItemParts.Of(field, here).Written(shown.IsAbsent ? Value.Null : shown, value, stamp.Stamp), shadow);
        }
        catch (FormatException e)
        {
            throw new QuarantinedException(QuarantineCause.UnknownSchema, e.Message);
        }
    }

    private static StampedValue Changed(EntityType type, int ordinal, StampedValue found, Value shown, Value value, Stamp stamp, ulong writer) =>
        FieldJoin.Written(type, ordinal, found, shown, new Row(type, new Value[type.Fields.Count]).With(ordinal, value), stamp, writer);

    private static StampedValue Settled(Field field, in StampedValue value) => field.Policy == FieldPolicy.Counter ? CounterParts.Of(field, value).ToValue() : ItemParts.Of(field, value).ToValue();

    private static string? PartsOnWire(Field field, in StampedValue value) =>
        !FieldJoin.IsCollective(field) ? value.Parts : field.Policy == FieldPolicy.Counter ? CounterParts.Of(field, value).Text() : ItemParts.Of(field, value).Text();

    private static string? ShownOf(Field field, Value value) => FieldJoin.IsCollective(field) ? FieldJoin.TextOf(field, value) : null;

    private static string? ClockOf(EntityType type, int ordinal, Value[] values) => FieldJoin.ClockOf(type, type.Fields[ordinal], new Row(type, values[..type.Fields.Count]));

    private static StampedValue DeletionOf(RemoteRow raw, Dictionary<string, FieldStamp>? stamps, bool hasStamps, Shadow? former, JoinedRow? local, Stamp derived)
    {
        if (stamps is not null && stamps.TryGetValue(StampsMember.Deletion, out var told))
        {
            // An edit by one who knows no stamps brings a row back, as any other edit does.
            return told.Digest != 0 && derived > told.Stamp
                ? new StampedValue(Value.Integer(0), derived, told.Stamp) { Parts = told.Parts }
                : told.Parts is { } parts && parts.StartsWith(Kept, StringComparison.Ordinal) ? new StampedValue(Value.Integer(1), told.Stamp, told.Before) { Parts = parts[Kept.Length..] }
                : new StampedValue(Value.Integer(told.Digest != 0 ? 1 : 0), told.Stamp, told.Before) { Parts = told.Parts };
        }

        if (!hasStamps && former is { IsMissing: false })
        {
            return new StampedValue(Value.Integer(0), former.DeletionStamp, default) { Parts = local?.Deletion.Parts };
        }

        if (hasStamps && former is { IsMissing: false })
        {
            return former.IsDeleted && derived > former.DeletionStamp
                ? new StampedValue(Value.Integer(0), derived, former.DeletionStamp)
                : new StampedValue(Value.Integer(former.IsDeleted ? 1 : 0), former.DeletionStamp, default);
        }

        return !hasStamps && local is { IsDeleted: false } && local.Deletion.IsKnown && derived == default
            ? local.Deletion
            : new StampedValue(Value.Integer(0), new Stamp(raw.ModifiedMs, 0, Stamp.Foreign), default);
    }

    private static (Value[] Values, byte[]? Extra) Read(EntityType remoteType, RemoteRow raw)
    {
        try
        {
            var reader = new Utf8JsonReader(raw.Fields.Span);
            reader.Read();
            var values = WireRow.Read(remoteType, ref reader, ignoreUnknown: true).Values.ToArray();
            using var document = JsonDocument.Parse(raw.Fields);
            var unknown = document.RootElement.EnumerateObject().Where(m => remoteType.FindOrdinal(m.Name) < 0).ToList();
            return (values, unknown.Count == 0 ? null : Encoding.UTF8.GetBytes("{" + string.Join(',', unknown.Select(m => $"{JsonSerializer.Serialize(m.Name, StampsJson.Default.String)}:{m.Value.GetRawText()}")) + "}"));
        }
        catch (Exception e) when (e is WireFormatException or JsonException or InvalidOperationException)
        {
            throw new QuarantinedException(QuarantineCause.UnknownSchema, e.Message);
        }
    }

    private static byte[] Written(EntityType remoteType, Value[] values, byte[]? extra)
    {
        using var writer = new CanonicalJsonWriter();
        WireRow.Write(writer, new Row(remoteType, values));
        if (extra is null)
        {
            return writer.ToArray();
        }

        var text = Encoding.UTF8.GetString(writer.Written);
        var more = Encoding.UTF8.GetString(extra);
        return Encoding.UTF8.GetBytes(text == "{}" ? more : text[..^1] + "," + more[1..]);
    }

    private Value Plain(EntityType type, EntityKey key, int ordinal, Value value, Stamp? stamp)
    {
        if (!type.Fields[ordinal].Encrypted || value.IsNull)
        {
            return !FieldCipher.IsEnvelope(value) ? value : throw new QuarantinedException(
                QuarantineCause.UnknownSchema, $"{type.Fields[ordinal].Name} came encrypted, and this device's model has it plain: adopt the tables again with `--encrypt {type.Name}.{type.Fields[ordinal].Name}`.");
        }

        try
        {
            return cipher.Decrypt(keys, PlaceOf(type, key, ordinal, stamp ?? default), value);
        }
        catch (FieldCipherException e)
        {
            var cause = e.Trouble switch
            {
                CipherTrouble.MissingKey => QuarantineCause.MissingKey,
                CipherTrouble.Refused => QuarantineCause.AuthFailed,
                _ => QuarantineCause.UnsupportedEnvelope,
            };
            throw new QuarantinedException(cause, $"{type.Fields[ordinal].Name}: {e.Message}");
        }
    }

    // Where there is no room for stamps none can be bound: nobody else would know it.
    private Value Sealed(EntityType type, EntityKey key, int ordinal, in StampedValue field, Stamp bound) =>
        type.Fields[ordinal].Encrypted && !field.Value.IsNull
            ? cipher.Encrypt(keys.Current ?? throw new InvalidOperationException("There is no key."), PlaceOf(type, key, ordinal, bound), field.Value)
            : field.Value;

    private static FieldPlace PlaceOf(EntityType type, EntityKey key, int ordinal, Stamp stamp) =>
        new(App, type.Name, key.ToString(), type.Fields[ordinal].Name, stamp.ToString());

    private void Check(JoinedRow row)
    {
        if (row.Newest.Ms > nowMs + DriftMaxMs)
        {
            throw new QuarantinedException(QuarantineCause.Drift, $"It was written {(row.Newest.Ms - nowMs) / 60_000} minutes from now: somebody's clock is ahead.");
        }
    }
}
