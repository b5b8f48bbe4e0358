using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Several;
using Tidemark.Model.Entities;

namespace Tidemark.Simulation.Several;

/// <summary>A backend in memory that can as much as it is told to, fails when it is told to, and has other writers.</summary>
public sealed class ProgrammableRemote : IStagedRemote
{
    private readonly Dictionary<string, (SortedDictionary<(string Type, string Key), Stored> Rows, int Epoch)> _others = new(StringComparer.Ordinal);
    private SortedDictionary<(string Type, string Key), Stored> _rows = [];
    private readonly Lock _lock = new();
    private SyncModel? _model;
    private long _clock;
    private long _forgotten;

    private sealed record Stored(JsonObject? Fields, long Version, long ModifiedMs);

    public RemoteCapabilities Capabilities { get; set; } = new();

    /// <summary>What its clock shows.</summary>
    public Func<long> NowMs { get; set; } = static () => 1_000;

    /// <summary>Tells it from others: part of its incarnation's name.</summary>
    public string Name { get; set; } = "";

    public string User { get; set; } = "ann";

    /// <summary>Another one after the data were lost.</summary>
    public int Epoch { get; set; } = 1;

    /// <summary>Does it answer?</summary>
    public bool IsDown { get; set; }

    /// <summary>The next push is done and its answer lost.</summary>
    public bool LosesNextAnswer { get; set; }

    /// <summary>Called when a push is about to be carried out: others may write first.</summary>
    public Action? BeforePush { get; set; }

    /// <summary>Called before each call is carried out, and after it, when its answer is about to be told.</summary>
    public Action<bool>? AtCall { get; set; }

    /// <summary>Called with each write that is carried out: what stood there, if anything, and what stands there now, as JSON; null: it is deleted.</summary>
    public Action<RemoteWrite, string?, string?>? Wrote { get; set; }

    /// <summary>Called when rows are about to be looked up.</summary>
    public Action? BeforeLookup { get; set; }

    /// <summary>Called when a page is asked for: others may write first, or the answer may take its time.</summary>
    public Func<Task>? BeforePull { get; set; }

    /// <summary>Shown twice and out of order.</summary>
    public bool Shuffles { get; set; }

    /// <summary>What became of the next write to a row, instead of what would.</summary>
    public Func<RemoteWrite, RemoteOutcome?> Judge { get; set; } = static _ => null;

    /// <summary>Rows written by devices, and by nobody else.</summary>
    public int Writes { get; private set; }

    /// <summary>Each row that was written.</summary>
    public List<RemoteWrite> Written { get; } = [];

    public Task<RemoteAccount> OpenAsync(SyncModel model, CancellationToken cancellationToken) => Answer(() =>
    {
        _model = model;
        return new RemoteAccount(User);
    });

    public async Task<RemotePage> PullAsync(string? token, int limit, CancellationToken cancellationToken)
    {
        await (BeforePull?.Invoke() ?? Task.CompletedTask).ConfigureAwait(false);
        return await Page(token, limit).ConfigureAwait(false);
    }

    private Task<RemotePage> Page(string? token, int limit) => Answer(() =>
    {
        var since = 0L;
        var isListing = token is null;
        if (token is not null)
        {
            var parts = token.Split(':');
            if (parts[0] != Epoch.ToString(CultureInfo.InvariantCulture))
            {
                throw new TokenExpiredException(true, "These are other data.");
            }

            since = long.Parse(parts[1], CultureInfo.InvariantCulture);
            isListing = parts.Length > 2;
            if (since < _forgotten && !isListing)
            {
                throw new TokenExpiredException(false, "The token is too old.");
            }
        }

        var news = _rows.Where(r => r.Value.Version > since && (r.Value.Fields is not null || Capabilities.Tombstones)).OrderBy(r => r.Value.Version).ToList();
        var page = news.Take(Math.Min(limit, Capabilities.PageRowsMax)).ToList();
        var hasMore = news.Count > page.Count;
        var next = hasMore ? page[^1].Value.Version : _clock;
        var rows = page.ConvertAll(r => RowOf(r.Key, r.Value));
        if (Shuffles && rows.Count > 0)
        {
            rows.Add(rows[0]);
            rows.Reverse();
        }

        return new RemotePage(rows, $"{Epoch}:{next}{(isListing && hasMore ? ":listing" : "")}", hasMore, Name + Epoch.ToString(CultureInfo.InvariantCulture));
    });

    public Task<IReadOnlyList<RemoteRow>> LookupAsync(IReadOnlyList<RemoteRowId> rows, CancellationToken cancellationToken)
    {
        BeforeLookup?.Invoke();
        return Answer<IReadOnlyList<RemoteRow>>(() => LookUp(rows));
    }

    private RemoteRow[] LookUp(IReadOnlyList<RemoteRowId> rows) =>
        [.. rows.Where(r => _rows.ContainsKey((r.Type, r.Key))).Select(r => RowOf((r.Type, r.Key), _rows[(r.Type, r.Key)]))];

    public Task<IReadOnlyList<RemoteOutcome>> PushAsync(RemotePush push, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(push);
        BeforePush?.Invoke();
        return Answer<IReadOnlyList<RemoteOutcome>>(() =>
        {
            var outcomes = push.Writes.Select(w => Judge(w) ?? Write(w)).ToList();
            if (LosesNextAnswer)
            {
                LosesNextAnswer = false;
                throw new SyncException(SyncErrorCode.NetworkError, "The answer was lost.", retryable: true);
            }

            return outcomes;
        });
    }

    /// <summary>A writer that knows nothing of devices and stamps. Null: it deletes the row for good.</summary>
    public void WriteAsOther(string type, string key, string? json, long? modifiedMs = null)
    {
        lock (_lock)
        {
            var former = _rows.GetValueOrDefault((type, key))?.Fields;
            JsonObject? fields = null;
            if (json is not null)
            {
                fields = former?.DeepClone().AsObject() ?? new JsonObject { ["id"] = JsonNode.Parse(key) };
                foreach (var (name, value) in JsonNode.Parse(json)!.AsObject())
                {
                    fields[name] = value?.DeepClone();
                }
            }

            _rows[(type, key)] = new Stored(fields, ++_clock, modifiedMs ?? NowMs());
        }
    }

    /// <summary>Somebody has had his hands in its storage: no page tells of it. Null: the row is gone.</summary>
    public void Tamper(string type, string key, string? json)
    {
        lock (_lock)
        {
            if (json is null)
            {
                _rows.Remove((type, key));
                return;
            }

            var stored = _rows.GetValueOrDefault((type, key)) ?? new Stored([], 1, NowMs());
            var fields = stored.Fields?.DeepClone().AsObject() ?? [];
            foreach (var (name, value) in JsonNode.Parse(json)!.AsObject())
            {
                fields[name] = value?.DeepClone();
            }

            _rows[(type, key)] = stored with { Fields = fields };
        }
    }

    /// <summary>Another account, with rows of its own; the former one's are there when it comes back. Nobody's token is good for another one's.</summary>
    public void SignIn(string user)
    {
        lock (_lock)
        {
            if (user != User)
            {
                _others[User] = (_rows, Epoch);
                (_rows, Epoch) = _others.Remove(user, out var known) ? known : ([], _others.Values.Max(o => o.Epoch) + 1);
                User = user;
            }
        }
    }

    /// <summary>Everything is gone, as after a restore of an empty backup.</summary>
    public void Empty()
    {
        lock (_lock)
        {
            _rows.Clear();
            Epoch = _others.Values.Select(o => o.Epoch).Append(Epoch).Max() + 1;
        }
    }

    /// <summary>What is before now can only be had by listing everything; what was deleted is forgotten.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            foreach (var key in _rows.Where(r => r.Value.Fields is null).Select(r => r.Key).ToList())
            {
                _rows.Remove(key);
            }

            _forgotten = ++_clock;
        }
    }

    /// <summary>The rows as JSON, by type and key.</summary>
    public IReadOnlyDictionary<string, string> Rows()
    {
        lock (_lock)
        {
            return _rows.Where(r => r.Value.Fields is not null).ToDictionary(r => r.Key.Type + r.Key.Key, r => r.Value.Fields!.ToJsonString(), StringComparer.Ordinal);
        }
    }

    /// <summary>The versions of the living rows, by type and key.</summary>
    public IReadOnlyDictionary<string, long> Versions()
    {
        lock (_lock)
        {
            return _rows.Where(r => r.Value.Fields is not null).ToDictionary(r => r.Key.Type + r.Key.Key, r => r.Value.Version, StringComparer.Ordinal);
        }
    }

    private RemoteOutcome Write(RemoteWrite write)
    {
        var id = (write.Type, write.Key);
        var stored = _rows.GetValueOrDefault(id);
        var exists = stored?.Fields is not null;
        if (Capabilities.ConditionalWrites && (write.Expected is null ? exists : !exists || stored!.Version.ToString(CultureInfo.InvariantCulture) != write.Expected))
        {
            return new RemoteOutcome { Kind = RemoteOutcomeKind.Conflict, Current = stored is null || Capabilities.Lookup ? null : RowOf(id, stored) };
        }

        Writes++;
        Written.Add(write);
        var fields = write.IsDeletion ? null : FieldsAfter(write, exists ? stored!.Fields : null);
        Wrote?.Invoke(write, stored?.Fields?.ToJsonString(), fields?.ToJsonString());
        _rows[id] = new Stored(fields, ++_clock, NowMs());
        return new RemoteOutcome { Kind = RemoteOutcomeKind.Written, Version = _clock.ToString(CultureInfo.InvariantCulture) };
    }

    private JsonObject FieldsAfter(RemoteWrite write, JsonObject? former)
    {
        var fields = former is not null && Capabilities.Patches ? former.DeepClone().AsObject() : [];
        var type = _model!.Get(write.Type);
        if (type.Key.Count == 1)
        {
            fields[type.Key[0]] = JsonNode.Parse(write.Key);
        }

        foreach (var (name, value) in JsonNode.Parse(write.Fields.Span)!.AsObject())
        {
            if (name == RemoteModel.StampsField && !Capabilities.Stamps)
            {
                throw new InvalidOperationException("There is no room for stamps here.");
            }

            fields[name] = value?.DeepClone();
        }

        return fields;
    }

    private static RemoteRow RowOf((string Type, string Key) id, Stored stored) => new()
    {
        Type = id.Type,
        Key = id.Key,
        Version = stored.Version.ToString(CultureInfo.InvariantCulture),
        IsDeleted = stored.Fields is null,
        ModifiedMs = stored.ModifiedMs,
        Fields = stored.Fields is null ? default : Encoding.UTF8.GetBytes(stored.Fields.ToJsonString()),
    };

    private Task<T> Answer<T>(Func<T> answer)
    {
        lock (_lock)
        {
            if (IsDown)
            {
                return Task.FromException<T>(new SyncException(SyncErrorCode.NetworkError, "It is down.", retryable: true));
            }

            try
            {
                AtCall?.Invoke(false);
                var result = answer();
                AtCall?.Invoke(true);
                return Task.FromResult(result);
            }
            catch (SyncException e)
            {
                return Task.FromException<T>(e);
            }
        }
    }
}
