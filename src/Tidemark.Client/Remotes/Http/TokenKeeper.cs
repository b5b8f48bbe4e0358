using Microsoft.Extensions.Logging;
using Tidemark.Client.Errors;
using Tidemark.Client.Observing;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Remotes.Http;

/// <summary>Gives requests their token. One that is refused is exchanged once, for all requests that were refused with it, and each of them is sent again once.</summary>
internal sealed class TokenKeeper(Func<CancellationToken, Task<string>> token, Func<string, CancellationToken, Task<string>>? refresh, ILogger log)
{
    private readonly Lock _lock = new();
    private string? _refused;
    private Task<string>? _exchange;

    public async Task<T> WithAsync<T>(Func<string, Task<T>> send, CancellationToken cancellationToken)
    {
        var current = await CurrentAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await send(current).ConfigureAwait(false);
        }
        catch (SyncException e) when (refresh is not null && e is { Code: SyncErrorCode.AuthFailed, WireCode: ErrorCodes.AuthFailed })
        {
            var other = await ExchangedAsync(current, cancellationToken).ConfigureAwait(false);
            if (string.Equals(other, current, StringComparison.Ordinal))
            {
                throw;
            }

            return await send(other).ConfigureAwait(false);
        }
    }

    /// <summary>The token as far as is known: the app's source may go on giving one that was refused and exchanged.</summary>
    public async Task<string> CurrentAsync(CancellationToken cancellationToken)
    {
        var given = await token(cancellationToken).ConfigureAwait(false);
        Task<string>? exchange;
        lock (_lock)
        {
            exchange = string.Equals(given, _refused, StringComparison.Ordinal) ? _exchange : null;
        }

        return exchange is { IsCompletedSuccessfully: true } ? await exchange.ConfigureAwait(false) : given;
    }

    // Shared by everybody who was refused; nobody's cancellation ends it for the others.
    private async Task<string> ExchangedAsync(string refused, CancellationToken cancellationToken)
    {
        Task<string> exchange;
        lock (_lock)
        {
            var isKnown = string.Equals(_refused, refused, StringComparison.Ordinal) && _exchange is { IsFaulted: false, IsCanceled: false };
            if (!isKnown)
            {
                log.TokenRefreshed();
                _refused = refused;
                _exchange = AskAsync(refused);
            }

            exchange = _exchange!;
        }

        try
        {
            return await exchange.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not SyncException and not OperationCanceledException)
        {
            throw new SyncException(SyncErrorCode.AuthFailed, "The token was refused and no other could be had: " + e.Message, false, e) { WireCode = ErrorCodes.AuthFailed };
        }
    }

    private async Task<string> AskAsync(string refused) => await refresh!(refused, CancellationToken.None).ConfigureAwait(false);
}
