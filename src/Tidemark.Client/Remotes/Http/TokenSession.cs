using System.Net.Http.Headers;
using System.Text.Json;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Remotes.Http;

/// <summary>
/// A session with the built-in tokens of a server: its access token, which is exchanged with the refresh token (POST /auth/refresh) when the server refuses it.
/// For a remote: <c>new TidemarkHttpRemote(server, session.GetAsync, environment, session.RefreshAsync)</c>.
/// </summary>
public sealed class TokenSession : IDisposable
{
    private const string RefreshPath = "auth/refresh";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(100);
    private readonly HttpClient _http;
    private readonly TimeProvider _time;
    private readonly Func<TokenResponse, CancellationToken, Task> _keep;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private volatile TokenResponse _pair;

    /// <param name="server">Where the server is.</param>
    /// <param name="pair">As it was kept last, or as `tidemark token --session` or the host's sign-in gave it.</param>
    /// <param name="environment">Gives the transport and the time.</param>
    /// <param name="keep">Keeps a new pair where the app keeps secrets. It is used when this has returned: each refresh token is good once, and once more within 30 seconds.</param>
    public TokenSession(Uri server, TokenResponse pair, SyncEnvironment environment, Func<TokenResponse, CancellationToken, Task> keep)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(environment);
        _pair = pair ?? throw new ArgumentNullException(nameof(pair));
        _keep = keep ?? throw new ArgumentNullException(nameof(keep));
        _time = environment.Time;
        _http = new HttpClient(environment.Transport(), disposeHandler: true)
        {
            BaseAddress = new Uri(server.AbsoluteUri.TrimEnd('/') + "/"),
            Timeout = System.Threading.Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>The access token as it is now.</summary>
    public Task<string> GetAsync(CancellationToken cancellationToken) => Task.FromResult(_pair.AccessToken);

    /// <summary>Another access token in place of one that the server refused.</summary>
    /// <exception cref="SyncException">AuthFailed: the session has ended, sign in again. NetworkError: no answer; the next run asks again.</exception>
    public async Task<string> RefreshAsync(string refused, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (string.Equals(refused, _pair.AccessToken, StringComparison.Ordinal))
            {
                var next = await ExchangeAsync(new RefreshRequest { RefreshToken = _pair.RefreshToken }, cancellationToken).ConfigureAwait(false);
                await _keep(next, CancellationToken.None).ConfigureAwait(false); // The server has taken the old pair back: given up here, the session would be lost.
                _pair = next;
            }

            return _pair.AccessToken;
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _turn.Dispose();
    }

    private async Task<TokenResponse> ExchangeAsync(RefreshRequest asked, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(Timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(asked, WireJson.Default.RefreshRequest));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        try
        {
            using var response = await _http.PostAsync(RefreshPath, content, either.Token).ConfigureAwait(false);
            var body = await response.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false);
            return response.IsSuccessStatusCode
                ? JsonSerializer.Deserialize(body, WireJson.Default.TokenResponse) ?? throw new JsonException("null")
                : throw HttpTrouble.Of(_http.BaseAddress!, response, body);
        }
        catch (JsonException e)
        {
            throw HttpTrouble.NotOurs(_http.BaseAddress!, "no pair of tokens", e);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            throw HttpTrouble.NoAnswer(_http.BaseAddress!, timeout.IsCancellationRequested ? new TimeoutException("The answer took too long.") : e);
        }
    }
}
