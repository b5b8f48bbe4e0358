#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Engines.Pull;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;

namespace Tidemark.Client.Coordination.Several;

/// <summary>Fetches what one remote shows into its staging tables. It cannot write anything else: what it means is decided when all have staged.</summary>
internal sealed class StageStep(
    Func<Action<StoreSession>, Task> write, Func<Func<StoreSession, Backend>, Task<Backend>> read, SyncModel remoteModel, NamedRemote named, LockKeeper keeper, PullOptions options, DateTimeOffset now)
{
    private const int RestartsMax = 2;

    // Where nobody tells of deletions they are found by what is missing in a listing of everything.
    private static readonly TimeSpan ListingInterval = TimeSpan.FromHours(1);
    private Backend _backend = null!;
#if TIDEMARK_MUTANTS
    private readonly List<RemoteRow> _unwritten = [];
#endif

    /// <summary>Rows that were staged.</summary>
    public int Rows { get; private set; }

    public int Pages { get; private set; }

    /// <summary>The token moved although no row came.</summary>
    public bool HasMoved { get; private set; }

    /// <summary>A listing of everything has more pages than one run takes: what is not in it yet says nothing, so nothing of it may be merged before its end.</summary>
    public bool IsUnfinished { get; private set; }

    /// <exception cref="SyncException">The remote is absent from this cycle.</exception>
    public async Task RunAsync(Backend backend, CancellationToken cancellationToken)
    {
        _backend = backend;
        await OpenAsync(cancellationToken).ConfigureAwait(false);
        await BeginListingAsync().ConfigureAwait(false);
        for (var restarts = 0; ; restarts++)
        {
            try
            {
                await PullAsync(cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (TokenExpiredException e) when (restarts < RestartsMax)
            {
                if (e.IsReset)
                {
                    named.IsOpen = false; // Other data may be somebody else's: asked before anything is listed, or sent.
                    await OpenAsync(cancellationToken).ConfigureAwait(false);
                }

                await ListAsync(e.IsReset ? Listing.Restored : Listing.Complete).ConfigureAwait(false);
            }
        }
    }

    /// <exception cref="SyncException">Somebody else is signed in there.</exception>
    public static void CheckUser(Backend backend, NamedRemote named, RemoteAccount account)
    {
        if (backend.User is { } user && !string.Equals(user, account.User, StringComparison.Ordinal))
        {
            throw new SyncException(
                SyncErrorCode.WrongUser,
                $"{named.Name} holds the data of {user} for this file; {account.User} is signed in there now. Nothing was sent or changed. Sign in as {user}, or start anew with {account.User}'s: `tidemark remotes reset DB {named.Name}`.");
        }
    }

    /// <exception cref="SyncException">The page leads nowhere.</exception>
    public static void CheckProgress(NamedRemote named, RemotePage page, string? token)
    {
        if (page.HasMore && string.Equals(page.Token, token, StringComparison.Ordinal))
        {
            throw new SyncException(SyncErrorCode.InvalidResponse, $"{named.Name} says that there is more and does not go on.", retryable: true);
        }
    }

    private async Task BeginListingAsync()
    {
        if (!named.Remote.Capabilities.Tombstones && _backend is { Token: not null, Listing: Listing.None } && !(now - named.ListedAt < ListingInterval))
        {
            await ListAsync(Listing.Complete).ConfigureAwait(false);
        }
    }

    private async Task ListAsync(Listing listing)
    {
        await write(s =>
        {
            new PulledRepository(s.Db).Clear(_backend.Id);
            new BackendRepository(s.Db).BeginListing(_backend.Id, listing);
        }).ConfigureAwait(false);
        _backend = await read(s => new BackendRepository(s.Db).Get(_backend.Id)).ConfigureAwait(false);
    }

    private async Task OpenAsync(CancellationToken cancellationToken)
    {
        if (named.IsOpen)
        {
            return;
        }

        var account = await keeper.KeepAsync(named.Remote.OpenAsync(remoteModel, cancellationToken)).ConfigureAwait(false);
        CheckUser(_backend, named, account);
        if (_backend.User is null)
        {
            await write(s => new BackendRepository(s.Db).SetUser(_backend.Id, account.User)).ConfigureAwait(false);
        }

        named.IsOpen = true;
    }

    private async Task PullAsync(CancellationToken cancellationToken)
    {
        var pages = await PagesAsync().ConfigureAwait(false);
        var token = pages.LastOrDefault(p => p.TokenAfter is not null)?.TokenAfter ?? _backend.Token;
        var number = pages.Count == 0 ? _backend.Page : pages[^1].Page;
        var epoch = pages.Count == 0 ? _backend.Epoch : pages[^1].Epoch ?? _backend.Epoch;
        for (var i = 0; i < options.IterationsMax; i++)
        {
            var page = await keeper.KeepAsync(named.Remote.PullAsync(token, options.PageRowsMax, cancellationToken)).ConfigureAwait(false);
            if (epoch is not null && page.Epoch is { } incarnation && incarnation != epoch)
            {
                throw new TokenExpiredException(true, $"{named.Name} was emptied or restored.");
            }

            CheckProgress(named, page, token);

            // An idle remote costs no write.
            if (page.Rows.Count > 0 || page.HasMore || (!string.Equals(page.Token, token, StringComparison.Ordinal) && (token is null || number != _backend.Page)))
            {
                var staged = new PulledPage(++number, token, page.Token, page.Epoch, !page.HasMore);
#if TIDEMARK_MUTANTS
                if (Mutants.Is(Mutant.TokenBeforeRows))
                {
                    // The rows are written when the last page is there.
                    await write(s => new PulledRepository(s.Db).Add(_backend.Id, staged, [])).ConfigureAwait(false);
                    _unwritten.AddRange(page.Rows);
                    if (page.HasMore)
                    {
                        token = page.Token;
                        continue;
                    }

                    (staged, page) = (staged with { Page = ++number }, page with { Rows = [.. _unwritten] });
                }
#endif
                await write(s => new PulledRepository(s.Db).Add(_backend.Id, staged, page.Rows)).ConfigureAwait(false);
                HasMoved = true;
            }

            Rows += page.Rows.Count;
            Pages++;
            (token, epoch) = (page.Token, page.Epoch ?? epoch);
            if (!page.HasMore)
            {
                named.ListedAt = _backend.Token is null ? now : named.ListedAt;
                return;
            }
        }

        IsUnfinished = _backend.Listing != Listing.None;
    }

    private async Task<List<PulledPage>> PagesAsync()
    {
        List<PulledPage> pages = [];
        await read(s =>
        {
            pages = new PulledRepository(s.Db).Pages(_backend.Id);
            return _backend;
        }).ConfigureAwait(false);
        return pages;
    }
}
