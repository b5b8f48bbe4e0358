using System.Security.Cryptography;
using System.Text;
using Tidemark.Client.Engines.Joining;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination.Several;

/// <summary>
/// Compares what the file knows of each remote with a listing of everything there: the version of each row, and for the same version what was shown. What has changed
/// since the last run is no difference. Nothing of the file is written.
/// </summary>
internal sealed class SeveralVerifier(LocalStore store, IReadOnlyList<NamedRemote> remotes, SyncOptions options)
{
    private readonly SyncModel _remoteModel = RemoteModel.Of(store.Model);
    private readonly JoinBook _book = new(store.EngineSession);

    /// <summary>What a row is compared by; <c>Odd</c>: what stands there under the version that was shown with something else.</summary>
    private sealed record Standing(string Version, byte[]? Odd = null);

    /// <exception cref="SyncException">No remote could be asked.</exception>
    public async Task<VerifyReport> RunAsync(CancellationToken cancellationToken)
    {
        var session = store.EngineSession;
        session.Refresh();
        var types = new List<TypeVerification>();
        var absent = new List<(string Name, SyncException Error)>();
        var backends = new BackendRepository(session.Db).ReadAll();
        var atHead = true;
        foreach (var backend in backends)
        {
            try
            {
                var named = remotes.FirstOrDefault(r => r.Name == backend.Name) ?? throw new SyncException(SyncErrorCode.BadRequest, $"{backend.Name} was not given to this service.");
                atHead &= await CompareAsync(session, backend, named, types, cancellationToken).ConfigureAwait(false);
            }
            catch (SyncException e)
            {
                absent.Add((backend.Name, e));
            }
        }

        if (absent.Count == backends.Count)
        {
            throw absent[0].Error;
        }

        return new VerifyReport
        {
            Types = types,
            AtHead = atHead,
            Pending = session.Db.ScalarInt64("SELECT count(*) FROM _tm_owed WHERE code IS NULL"),
            DeadLetters = session.Db.ScalarInt64("SELECT count(*) FROM _tm_owed WHERE code IS NOT NULL"),
            Aside = new QuarantineRepository(session.Db).Count() + _book.ReadHidden().Count,
            Unnoticed = session.Tables.Sum(table => MissedChanges.Find(session, table).Count),
            Absent = absent.ToDictionary(a => a.Name, a => a.Error.Message, StringComparer.Ordinal),
        };
    }

    private async Task<bool> CompareAsync(StoreSession session, Backend backend, NamedRemote named, List<TypeVerification> types, CancellationToken cancellationToken)
    {
        StageStep.CheckUser(backend, named, await named.Remote.OpenAsync(_remoteModel, cancellationToken).ConfigureAwait(false));
        var known = KnownOf(session, backend);
        var there = new Dictionary<RemoteRowId, Standing>();
        var epoch = await ListAsync(named, null, row => Note(backend, row, known, there), cancellationToken).ConfigureAwait(false);

        // Asked for behind the listing: what changes in between is in it.
        var due = backend.Token is { } token && (epoch is null || backend.Epoch is null || epoch == backend.Epoch) ? await DueAsync(session, backend, named, token, cancellationToken).ConfigureAwait(false) : null;
        foreach (var type in known.Keys.Concat(there.Keys).Select(r => r.Type).Concat(_remoteModel.Entities.Select(e => e.Name)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            types.Add(Compare(backend.Name, type, Of(known, type), Of(there, type), due));
        }

        return due is { Count: 0 };
    }

    private static TypeVerification Compare(string remote, string type, Dictionary<string, Standing> known, Dictionary<string, Standing> there, HashSet<RemoteRowId>? due)
    {
        var (here, listed) = (DigestOf(known), DigestOf(there));
        return new TypeVerification(type, here.Rows, listed.Rows, here.ToString(), listed.ToString())
        {
            Remote = remote,
            Differences = due is null ? [] :
            [
                .. known.Keys.Union(there.Keys).Where(k => known.GetValueOrDefault(k) != there.GetValueOrDefault(k) && !due.Contains(new RemoteRowId(type, k))).Order(StringComparer.Ordinal)
                    .Select(k => new RowDifference(k, !known.ContainsKey(k) ? DifferenceKind.Missing : !there.ContainsKey(k) ? DifferenceKind.Extra : DifferenceKind.Different)),
            ],
        };
    }

    // Shadows; rows in quarantine and those that wait to be merged in their place.
    private static Dictionary<RemoteRowId, Standing> KnownOf(StoreSession session, Backend backend)
    {
        var known = new Dictionary<RemoteRowId, Standing>();
        foreach (var (id, version, isThere) in session.Db.Query(
            """
            SELECT type, key, version, 1 FROM (SELECT type, key, version FROM _tm_shadow WHERE backend = ?1 AND NOT json_extract(CAST(state AS TEXT), '$.gone'))
            UNION ALL SELECT type, key, version, deleted = 0 AND page >= 0 FROM _tm_quarantine WHERE backend = ?1
            UNION ALL SELECT type, key, version, deleted = 0 FROM (SELECT * FROM _tm_pulled WHERE backend = ?1 ORDER BY page, place)
            """,
            s => (new RemoteRowId(s.Text(0), s.Text(1)), s.TextOrNull(2) ?? "", s.ColumnInt64(3) != 0), Value.Integer(backend.Id)))
        {
            if (isThere)
            {
                known[id] = new Standing(version);
            }
            else
            {
                known.Remove(id);
            }
        }

        return known;
    }

    private void Note(Backend backend, RemoteRow row, Dictionary<RemoteRowId, Standing> known, Dictionary<RemoteRowId, Standing> there)
    {
        var id = new RemoteRowId(row.Type, row.Key);
        if (row.IsDeleted)
        {
            there.Remove(id);
            return;
        }

        there[id] = new Standing(row.Version, known.GetValueOrDefault(id)?.Version == row.Version && IsOtherwise(backend, row) ? row.Fields.ToArray() : null);
    }

    private bool IsOtherwise(Backend backend, RemoteRow row) =>
        _book.TypeOf(row.Type) is { } type && _book.ReadShadow(backend.Id, type, StoreSession.KeyFrom(type, row.Key)) is { IsMissing: false } shadow
        && shadow.Version == row.Version && !RemoteCodec.IsAsShown(type, _remoteModel.Get(row.Type), row, shadow);

    // Null: nobody can say what has changed, so everything may have.
    private async Task<HashSet<RemoteRowId>?> DueAsync(StoreSession session, Backend backend, NamedRemote named, string token, CancellationToken cancellationToken)
    {
        try
        {
            var due = new PulledRepository(session.Db).Keys(backend.Id).Select(k => new RemoteRowId(k.Type, k.Key)).ToHashSet();
            await ListAsync(named, token, row => due.Add(new RemoteRowId(row.Type, row.Key)), cancellationToken).ConfigureAwait(false);
            return due;
        }
        catch (TokenExpiredException)
        {
            return null;
        }
    }

    private async Task<string?> ListAsync(NamedRemote named, string? token, Action<RemoteRow> note, CancellationToken cancellationToken)
    {
        while (true)
        {
            var page = await named.Remote.PullAsync(token, options.Pull.PageRowsMax, cancellationToken).ConfigureAwait(false);
            StageStep.CheckProgress(named, page, token);
            foreach (var row in page.Rows)
            {
                note(row);
            }

            if (!page.HasMore)
            {
                return page.Epoch;
            }

            token = page.Token;
        }
    }

    private static Dictionary<string, Standing> Of(Dictionary<RemoteRowId, Standing> rows, string type) =>
        rows.Where(r => r.Key.Type == type).ToDictionary(r => r.Key.Key, r => r.Value, StringComparer.Ordinal);

    private static SetDigest DigestOf(Dictionary<string, Standing> rows)
    {
        var digest = default(SetDigest);
        foreach (var (key, standing) in rows)
        {
            digest.Add(SHA256.HashData([.. Encoding.UTF8.GetBytes($"{key}\n{standing.Version}\n"), .. standing.Odd ?? []]));
        }

        return digest;
    }
}
