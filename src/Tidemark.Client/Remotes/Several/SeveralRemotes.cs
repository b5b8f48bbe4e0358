using Tidemark.Client.Coordination.Several;
using Tidemark.Client.Encryption;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Remotes.Several;

/// <summary>How a remote of a file stands.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Address">Where it is; what the app makes of it.</param>
/// <param name="User">Who is signed in there; null before the first answer.</param>
/// <param name="Owed">Rows that it lacks.</param>
/// <param name="Refused">Rows that it refused as they are.</param>
/// <param name="Quarantined">Rows that it shows and that cannot be merged yet.</param>
/// <param name="Trouble">Why it was absent from the last cycle; null: it was there.</param>
/// <param name="Question">What a person has to decide before it is synced again.</param>
/// <param name="SyncedAt">When it was last there.</param>
public sealed record RemoteStanding(string Name, string Address, string? User, long Owed, long Refused, long Quarantined, string? Trouble, string? Question, DateTimeOffset? SyncedAt);

/// <summary>A row that a remote shows and that cannot be merged yet, or one that is merged and cannot be shown.</summary>
/// <param name="Remote">The remote's name; null: it is a matter of this file.</param>
/// <param name="Type">The entity type.</param>
/// <param name="Key">The row's key in wire form.</param>
/// <param name="Cause">Why.</param>
/// <param name="Detail">For people.</param>
/// <param name="Since">When it was first met.</param>
/// <param name="Tries">How often.</param>
public sealed record QuarantinedItem(string? Remote, string Type, string Key, string Cause, string? Detail, DateTimeOffset? Since, int Tries);

/// <summary>Which remotes a file has, and its keys. What names the first remote takes the file the way for several; there is none back.</summary>
public sealed class SeveralRemotes(LocalStore store)
{
    /// <summary>Does the file go the way for several remotes?</summary>
    public bool IsInUse => store.Look(s => SeveralSchema.Exists(s.Db));

    /// <summary>Rules of the model that decide only when all remotes are there, or by a person: until then an edit that they concern stays on the device.</summary>
    public IReadOnlyList<string> RulesOfAll { get; } =
    [
        .. store.Model.Entities.Where(e => e.CustomMerge is not null).Select(e => $"{e.Name}: custom merge {e.CustomMerge}"),
        .. store.Model.Entities.SelectMany(e => e.Fields.Where(f => f.Policy is FieldPolicy.ServerWins or FieldPolicy.Text or FieldPolicy.Manual).Select(f => $"{e.Name}.{f.Name}: {f.Policy}")),
    ];

    /// <summary>Rules of the model that are not carried out where several remotes are: the later edit of a field stands instead.</summary>
    public IReadOnlyList<string> RulesLeftOut { get; } =
    [
        .. store.Model.Entities.SelectMany(e => e.Fields.Where(f => f is { Encrypted: true, Policy: FieldPolicy.Counter or FieldPolicy.MergeArrays or FieldPolicy.MergeObject }).Select(f => $"{e.Name}.{f.Name}: {f.Policy} of what is encrypted")),
        .. store.Model.Entities.SelectMany(e => e.Fields.Where(f => f.ServerDerived).Select(f => $"{e.Name}.{f.Name}: by the server alone")),
        .. store.Model.Entities.Where(e => e.ConflictFree).Select(e => $"{e.Name}: free of conflicts"),
    ];

    /// <summary>Names a remote, or gives a known one another address.</summary>
    /// <exception cref="SyncException">The file was synced with one server before.</exception>
    /// <exception cref="ModelException">The model has types that cannot be synced with several remotes.</exception>
    public Task AddAsync(string name, string address, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(address);
        RemoteModel.Of(store.Model);
        return store.LockedAsync(
            (s, environment) =>
            {
                if (SeveralSchema.Ensure(s))
                {
                    // What is edited from here on is an edit, field by field.
                    var book = new JoinBook(s);
                    var clock = book.ReadClock();
                    _ = new LocalEdits(book, clock, environment.NowMs, []).Take();
                    book.WriteClock(clock);
                }

                var backends = new BackendRepository(s.Db);
                var isNew = backends.Find(name) is null;
                backends.Add(name, address);
                if (isNew)
                {
                    backends.Forget(backends.Find(name)!.Id); // Everything is owed to it.
                }

                return true;
            },
            cancellationToken);
    }

    /// <summary>Forgets a remote. No row goes, here or there.</summary>
    /// <returns>False: there is none of that name.</returns>
    public Task<bool> RemoveAsync(string name, CancellationToken cancellationToken = default) => WithAsync(name, (backends, b) => backends.Remove(b.Id), cancellationToken);

    /// <summary>Forgets what a remote has shown, and who was signed in: it is listed anew and gets what it lacks. The answer to another account, an emptied remote, and every doubt.</summary>
    /// <returns>False: there is none of that name.</returns>
    public Task<bool> ResetAsync(string name, CancellationToken cancellationToken = default) => WithAsync(name, (backends, b) => backends.Forget(b.Id), cancellationToken);

    public IReadOnlyList<RemoteStanding> Read() => store.Look(s => !SeveralSchema.Exists(s.Db) ? [] : new BackendRepository(s.Db).ReadAll().ConvertAll(b => new RemoteStanding(
        b.Name, b.Address, b.User, Count(s, "_tm_owed", b, "code IS NULL"), Count(s, "_tm_owed", b, "code IS NOT NULL"), Count(s, "_tm_quarantine", b, "1"), b.Trouble, b.Question,
        b.SyncedAt is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null)));

    /// <summary>What waits in quarantine, and what cannot be shown in the app's tables.</summary>
    public IReadOnlyList<QuarantinedItem> ReadQuarantine() => store.Look<IReadOnlyList<QuarantinedItem>>(s =>
    {
        if (!SeveralSchema.Exists(s.Db))
        {
            return [];
        }

        var names = new BackendRepository(s.Db).ReadAll().ToDictionary(b => b.Id, b => b.Name);
        return
        [
            .. new QuarantineRepository(s.Db).ReadAll().Select(q => new QuarantinedItem(
                names.GetValueOrDefault(q.Pulled.Backend), q.Pulled.Row.Type, q.Pulled.Row.Key, q.Cause, q.Detail, DateTimeOffset.FromUnixTimeMilliseconds(q.FirstAt), q.Tries)),
            .. new JoinBook(s).ReadHidden().Select(h => new QuarantinedItem(null, h.Type, h.Key, h.Cause, null, null, 0)),
        ];
    });

    /// <summary>Rows whose edits no remote has seen yet because their rule decides only when all remotes are there, or by a person; with the rule.</summary>
    public IReadOnlyList<(string Type, string Key, string Rule)> ReadWaiting() => store.Look(WaitingEdits.Read);

    /// <summary>Gives up a row that a remote shows and that cannot be merged: what is known here is sent over it. A record is kept (<see cref="ConflictRecord.AsideDiscarded"/>).</summary>
    /// <returns>False: no such row is in quarantine.</returns>
    public Task<bool> DiscardAsync(string remote, string type, string key, CancellationToken cancellationToken = default) => WriteAsync(
        s =>
        {
            if (!SeveralSchema.Exists(s.Db) || new BackendRepository(s.Db).Find(remote) is not { } backend || new QuarantineRepository(s.Db).Find(backend.Id, type, key) is not { } row)
            {
                return false;
            }

            new QuarantineRepository(s.Db).Close(backend.Id, type, key);
            if (new JoinBook(s) is var book && book.TypeOf(type) is { } entity)
            {
                // The remote shows this version, and nothing that counts: what is known here is written over it.
                var id = StoreSession.KeyFrom(entity, key);
                var shadow = Engines.Joining.Shadow.Nothing(entity.Fields.Count, row.Pulled.Row.Version);
                book.WriteShadow(backend.Id, entity, id, shadow);
                if (book.ReadJoined(entity, id) is { } joined)
                {
                    book.Reckon(backend, joined, shadow, book.ReadKeys().Current?.Id);
                }
            }

            s.Conflicts.Add(new ConflictRecord
            {
                At = DateTimeOffset.FromUnixTimeMilliseconds(row.FirstAt),
                Type = type,
                Key = key,
                Outcome = ConflictRecord.AsideDiscarded,
                Reason = $"{row.Cause} at {remote}, version {row.Pulled.Row.Version}: {row.Detail}",
            });
            return true;
        },
        cancellationToken);

    /// <summary>Before the oldest row in quarantine at a remote: what a copy of the remote's state is good for. Null: from the start.</summary>
    public string? SafeToken(string remote) => store.Look(s => new BackendRepository(s.Db).Find(remote) is { } b ? new QuarantineRepository(s.Db).SafeToken(b) : null);

    /// <summary>The keys that this device can read with.</summary>
    public KeyRing ReadKeys() => store.Look(s => SeveralSchema.Exists(s.Db) ? new JoinBook(s).ReadKeys() : KeyRing.Empty);

    /// <summary>The wrapped keys that came with the rows; <see cref="WrappedKeys.Open"/> opens them.</summary>
    public IReadOnlyList<string> ReadWrapped() => store.Look(s => !SeveralSchema.Exists(s.Db) ? [] : new JoinBook(s).ReadAllOf(RemoteModel.LocalKeys)
        .Where(r => !r.IsDeleted && r.Fields[1] is { IsKnown: true, Value.Kind: ValueKind.Text }).Select(r => r.Fields[1].Value.AsText).ToList());

    /// <summary>Keys for this device: rows in quarantine for want of them are merged by the next run. With a passphrase they are wrapped by it and go to all remotes, so that other devices can have them.</summary>
    public Task AddKeysAsync(KeyRing keys, string? passphrase, SyncEnvironment environment, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(environment);
        var wrapped = passphrase is null ? [] : keys.Keys.Select(k => (k.Id, Text: WrappedKeys.Wrap(new KeyRing([k]), passphrase, environment.Random))).ToList();
        return WriteAsync(
            s =>
            {
                var book = new JoinBook(s);
                var before = book.ReadKeys().Current?.Id;
                book.WriteKeys(keys);
                var clock = book.ReadClock();
                foreach (var (id, text) in wrapped)
                {
                    var key = EntityKey.Of(id.ToString("D"));
                    if (book.ReadJoined(RemoteModel.LocalKeys, key) is { IsDeleted: false })
                    {
                        continue; // Wrapped once is enough: nobody's passphrase is replaced.
                    }

                    var row = new Row(RemoteModel.LocalKeys, [key[0], Value.Text(text)]);
                    book.WriteJoined(Engines.Joining.JoinedRow.Nothing(RemoteModel.LocalKeys, key).Edited(null, row, clock.Next(environment.NowMs)));
                }

                book.WriteClock(clock);
                var now = book.ReadKeys().Current?.Id;
                foreach (var type in s.Model.Entities.Append(RemoteModel.LocalKeys).Where(t => t.Name == RemoteModel.KeysType || (now != before && t.Fields.Any(f => f.Encrypted))))
                {
                    var backends = new BackendRepository(s.Db).ReadAll();
                    book.ReadAllOf(type).ForEach(row => book.ReckonAll(backends, row, now));
                }
            },
            cancellationToken);
    }

    /// <summary>Opens what came wrapped and is not here yet, as far as the passphrase opens it; what was in quarantine for want of it is merged by the next run.</summary>
    /// <returns>The keys of the file now, and the names of those that the passphrase does not open.</returns>
    public async Task<(KeyRing Keys, IReadOnlyList<Guid> Closed)> UnlockAsync(string passphrase, SyncEnvironment environment, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var ring = ReadKeys();
        var closed = new List<Guid>();
        foreach (var wrapped in ReadWrapped())
        {
            if (TryOpen(wrapped, passphrase) is { } opened)
            {
                ring = ring.With(opened);
            }
            else
            {
                closed.AddRange(NamesIn(wrapped).Where(id => ring.Find(id) is null));
            }
        }

        await AddKeysAsync(ring, null, environment, cancellationToken).ConfigureAwait(false);
        return (ring, closed);
    }

    /// <summary>A new current key; what is encrypted under older ones is encrypted again, by the way, and those stay for what still names them.</summary>
    /// <exception cref="FieldCipherException">Refused: the current key was wrapped by another passphrase. With two of them other devices would open only half.</exception>
    public Task<KeyRing> RotateAsync(string passphrase, SyncEnvironment environment, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return RotateCoreAsync(passphrase, environment, cancellationToken);
    }

    /// <summary>A file goes one way only.</summary>
    /// <exception cref="ArgumentException">The service is for the other way, or names a remote that the file does not.</exception>
    internal static void Check(LocalStore store, IReadOnlyList<NamedRemote>? remotes)
    {
        var isSeveral = SeveralSchema.Exists(store.EngineSession.Db);
        if (remotes is null)
        {
            if (isSeveral)
            {
                throw new ArgumentException("This file is synced with several remotes (`tidemark remotes list`): give the service all of them.", nameof(store));
            }

            if (store.Model.Entities.SelectMany(e => e.Fields).FirstOrDefault(f => f.Encrypted) is { } encrypted)
            {
                throw new ArgumentException($"The field {encrypted.Name} is to be encrypted. Name the remote in the file (`tidemark remotes add`) and make a key (`tidemark keys create`); without them it would leave the device plain.", nameof(store));
            }

            return;
        }

        var known = isSeveral ? new BackendRepository(store.EngineSession.Db).ReadAll().ConvertAll(b => b.Name) : [];
        if (remotes.Count == 0 || remotes.FirstOrDefault(r => !known.Contains(r.Name, StringComparer.Ordinal)) is not null || remotes.DistinctBy(r => r.Name).Count() != remotes.Count)
        {
            throw new ArgumentException($"The remotes must be among those of the file ({string.Join(", ", known)}), each once.", nameof(remotes));
        }
    }

    private async Task<KeyRing> RotateCoreAsync(string passphrase, SyncEnvironment environment, CancellationToken cancellationToken)
    {
        var former = ReadKeys();
        if (former.Current is { } current && ReadWrapped().FirstOrDefault(w => NamesIn(w).Contains(current.Id)) is { } wrapped && TryOpen(wrapped, passphrase) is null)
        {
            throw new FieldCipherException(CipherTrouble.Refused, $"The current key {current.Id:D} was wrapped by another passphrase: use that one, or other devices could not open both.", current.Id);
        }

        var ring = former.Rotated(environment.Random);
        await AddKeysAsync(ring, passphrase, environment, cancellationToken).ConfigureAwait(false);
        return ring;
    }

    private static KeyRing? TryOpen(string wrapped, string passphrase)
    {
        try
        {
            return WrappedKeys.Open(wrapped, passphrase);
        }
        catch (FieldCipherException)
        {
            return null;
        }
    }

    private static List<Guid> NamesIn(string wrapped)
    {
        try
        {
            return [.. WrappedKeys.List(wrapped).Select(k => k.Id)];
        }
        catch (FieldCipherException)
        {
            return [];
        }
    }

    private static long Count(StoreSession s, string table, Backend backend, string where) =>
        s.Db.ScalarInt64($"SELECT count(*) FROM {table} WHERE backend = ?1 AND {where}", Value.Integer(backend.Id));

    private Task<bool> WithAsync(string name, Action<BackendRepository, Backend> work, CancellationToken cancellationToken) => WriteAsync(
        s =>
        {
            if (!SeveralSchema.Exists(s.Db) || new BackendRepository(s.Db).Find(name) is not { } backend)
            {
                return false;
            }

            work(new BackendRepository(s.Db), backend);
            return true;
        },
        cancellationToken);

    private Task WriteAsync(Action<StoreSession> work, CancellationToken cancellationToken) => WriteAsync(
        s =>
        {
            work(s);
            return true;
        },
        cancellationToken);

    private Task<T> WriteAsync<T>(Func<StoreSession, T> work, CancellationToken cancellationToken) => store.LockedAsync((s, _) => work(s), cancellationToken);
}
