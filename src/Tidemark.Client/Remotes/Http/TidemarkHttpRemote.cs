using System.Buffers;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Observing;
using Tidemark.Client.Snapshots;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Remotes.Http;

/// <summary>A Tidemark server over HTTP. The one place on the device that knows HTTP status codes is <see cref="HttpTrouble"/>.</summary>
public sealed class TidemarkHttpRemote : IRemote, ILeases, IHintingRemote, ISharedSpaces, ISnapshots, IDeadLetterReports, IDisposable
{
    private const int CompressBytesMin = 2048;
    private const int AnnouncedBytesMax = 64 * 1024 * 1024;
    private const int PartBytes = 81_920;
    private const string ModelPath = "sync/model";
    private const string LeasePath = "sync/lease";
    private const string SpacesPath = "spaces";
    private const string MembersPath = "spaces/members";
    private const string InvitationsPath = "spaces/invitations";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan BodyTimeout = TimeSpan.FromMinutes(10);

    // A connection whose other end is gone gives nothing, and no error either.
    private static readonly TimeSpan IdleTimeout = TimeSpan.FromSeconds(60);
    private readonly HttpClient _http;
    private readonly TokenKeeper _tokens;
    private readonly bool _compress;
    private readonly SyncEnvironment _environment;
    private readonly TimeProvider _time;
    private string? _user;
    private string? _usersToken;

    /// <param name="server">Where the server is, such as https://sync.example.com/.</param>
    /// <param name="token">Gives the bearer token for each request.</param>
    /// <param name="environment">Gives the transport.</param>
    /// <param name="refresh">Gives another token in place of one that the server refused; asked once for each, however many requests were refused. Null: a refused token ends the run.</param>
    public TidemarkHttpRemote(Uri server, Func<CancellationToken, Task<string>> token, SyncEnvironment environment, Func<string, CancellationToken, Task<string>>? refresh = null)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(environment);
        _tokens = new TokenKeeper(token, refresh, environment.Loggers.CreateLogger(SyncLog.Category));
        _compress = !server.IsLoopback;
        _environment = environment;
        _time = environment.Time;
        _http = new HttpClient(environment.Transport(), disposeHandler: true)
        {
            BaseAddress = new Uri(server.AbsoluteUri.TrimEnd('/') + "/"),

            // The environment's clock ends a request, not the machine's.
            Timeout = System.Threading.Timeout.InfiniteTimeSpan,
        };
    }

    public async Task<ModelInfo> GetModelAsync(CancellationToken cancellationToken)
    {
        return await _tokens.WithAsync(
            async token =>
            {
                var info = Decoded(await SendAsync(HttpMethod.Get, ModelPath, null, token, Lease, cancellationToken).ConfigureAwait(false), WireJson.Default.ModelInfo);
                (_user, _usersToken) = (info.User, token);
                return info;
            },
            cancellationToken).ConfigureAwait(false);
    }

    public Task<ModelInfo> PutModelAsync(SyncModel model, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Put, ModelPath, SyncModelJson.ToUtf8(model), WireJson.Default.ModelInfo, cancellationToken);

    public Task<PushResponse> PushAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "sync/push", body, WireJson.Default.PushResponse, cancellationToken);

    public Task<byte[]> GetChangesAsync(ChangesRequest request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "sync/changes", JsonSerializer.SerializeToUtf8Bytes(request, WireJson.Default.ChangesRequest), cancellationToken);

    public Task<ChecksumsResponse> GetChecksumsAsync(ChecksumsRequest request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "sync/checksums", JsonSerializer.SerializeToUtf8Bytes(request, WireJson.Default.ChecksumsRequest), WireJson.Default.ChecksumsResponse, cancellationToken);

    public Task<RowsResponse> GetRowsAsync(RowsRequest request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, "sync/rows", JsonSerializer.SerializeToUtf8Bytes(request, WireJson.Default.RowsRequest), WireJson.Default.RowsResponse, cancellationToken);

    /// <summary>A request of another part of the wire, such as health data, with this remote's token, time-outs and compression; the answer's JSON.</summary>
    /// <exception cref="SyncException">No answer, or a refusal.</exception>
    public Task<byte[]> PostAsync(string path, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) => SendAsync(HttpMethod.Post, path, body, cancellationToken);

    /// <summary>As <see cref="PostAsync(string, ReadOnlyMemory{byte}, CancellationToken)"/>, under a lease of its own instead of <see cref="Lease"/>.</summary>
    /// <param name="path">Below the server's address.</param>
    /// <param name="body">JSON.</param>
    /// <param name="lease">The lease that the request names; null: none.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <exception cref="SyncException">No answer, or a refusal.</exception>
    public Task<byte[]> PostAsync(string path, ReadOnlyMemory<byte> body, string? lease, CancellationToken cancellationToken) =>
        _tokens.WithAsync(token => SendCheckedAsync(HttpMethod.Post, path, body, token, lease, cancellationToken), cancellationToken);

    /// <summary>As <see cref="PostAsync(string, ReadOnlyMemory{byte}, CancellationToken)"/>, without a body.</summary>
    /// <exception cref="SyncException">No answer, or a refusal.</exception>
    public Task<byte[]> GetAsync(string path, CancellationToken cancellationToken) => SendAsync(HttpMethod.Get, path, null, cancellationToken);

    /// <summary>A request whose answer is its status and its headers, such as a piece of a blob. The time it may take is the caller's.</summary>
    /// <param name="method">Of HTTP.</param>
    /// <param name="path">Below the server's address.</param>
    /// <param name="headers">More headers.</param>
    /// <param name="body">A body, and its media type.</param>
    /// <param name="expected">Statuses besides success that are an answer.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <exception cref="SyncException">No answer, or a refusal that is not expected.</exception>
    public Task<HttpAnswer> ExchangeAsync(HttpMethod method, string path, IReadOnlyList<(string Name, string Value)> headers, (ReadOnlyMemory<byte> Bytes, string MediaType)? body, IReadOnlyList<int> expected, CancellationToken cancellationToken) =>
        _tokens.WithAsync(
            async token =>
            {
                await CheckUserAsync(token, cancellationToken).ConfigureAwait(false);
                using var request = new HttpRequestMessage(method, path);
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
                foreach (var (name, value) in headers)
                {
                    request.Headers.TryAddWithoutValidation(name, value);
                }

                if (body is { } content)
                {
                    request.Content = new ReadOnlyMemoryContent(content.Bytes) { Headers = { ContentType = new MediaTypeHeaderValue(content.MediaType) } };
                }

                try
                {
                    using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
                    SyncSources.CountRequest(path, (int)response.StatusCode);
                    return response.IsSuccessStatusCode || expected.Contains((int)response.StatusCode)
                        ? new HttpAnswer((int)response.StatusCode, response.Headers.ToDictionary(h => h.Key, h => string.Join(',', h.Value), StringComparer.OrdinalIgnoreCase))
                        : throw HttpTrouble.Of(_http.BaseAddress!, response, await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
                }
                catch (Exception e) when (e is HttpRequestException or IOException)
                {
                    SyncSources.CountRequest(path, null);
                    throw HttpTrouble.NoAnswer(_http.BaseAddress!, e);
                }
            },
            cancellationToken);

    public string? Lease { get; set; }

    public Task<LeaseResponse> AskLeaseAsync(LeaseRequest request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, LeasePath, JsonSerializer.SerializeToUtf8Bytes(request, WireJson.Default.LeaseRequest), WireJson.Default.LeaseResponse, cancellationToken);

    public Task<LeaseResponse> RenewLeaseAsync(string id, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Put, $"{LeasePath}/{id}", JsonSerializer.SerializeToUtf8Bytes(new LeaseRenewal(), WireJson.Default.LeaseRenewal), WireJson.Default.LeaseResponse, cancellationToken);

    public Task ReleaseLeaseAsync(string id, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Delete, $"{LeasePath}/{id}", null, WireJson.Default.LeaseReleased, cancellationToken);

    public Task<IReadOnlyList<SpaceInfo>> GetSpacesAsync(bool withLeft, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, withLeft ? Query(SpacesPath, ("left", "true")) : SpacesPath, null, WireJson.Default.IReadOnlyListSpaceInfo, cancellationToken);

    public Task<SpaceInfo> MakeSpaceAsync(SpaceRequest request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, SpacesPath, JsonSerializer.SerializeToUtf8Bytes(request, WireJson.Default.SpaceRequest), WireJson.Default.SpaceInfo, cancellationToken);

    public Task<SpaceMembers> GetMembersAsync(string space, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, Query(MembersPath, ("space", space)), null, WireJson.Default.SpaceMembers, cancellationToken);

    public Task<SpaceMembers> ChangeMemberAsync(MemberChange change, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Put, MembersPath, JsonSerializer.SerializeToUtf8Bytes(change, WireJson.Default.MemberChange), WireJson.Default.SpaceMembers, cancellationToken);

    public Task<SpaceRemoved> RemoveMemberAsync(string space, string user, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Delete, Query(MembersPath, ("space", space), ("user", user)), null, WireJson.Default.SpaceRemoved, cancellationToken);

    public Task<SpaceInvitations> GetInvitationsAsync(string space, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, Query(InvitationsPath, ("space", space)), null, WireJson.Default.SpaceInvitations, cancellationToken);

    public Task<SpaceInvitation> InviteAsync(InvitationRequest request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, InvitationsPath, JsonSerializer.SerializeToUtf8Bytes(request, WireJson.Default.InvitationRequest), WireJson.Default.SpaceInvitation, cancellationToken);

    public Task<SpaceRemoved> UninviteAsync(string space, string id, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Delete, Query(InvitationsPath, ("space", space), ("id", id)), null, WireJson.Default.SpaceRemoved, cancellationToken);

    public Task<SpaceInfo> JoinSpaceAsync(JoinRequest request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, SpacesPath + "/join", JsonSerializer.SerializeToUtf8Bytes(request, WireJson.Default.JoinRequest), WireJson.Default.SpaceInfo, cancellationToken);

    public Task<SpaceRemoved> LeaveSpaceAsync(LeaveRequest request, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, SpacesPath + "/leave", JsonSerializer.SerializeToUtf8Bytes(request, WireJson.Default.LeaveRequest), WireJson.Default.SpaceRemoved, cancellationToken);

    public Task ReportDeadLettersAsync(string deviceId, DeadLetterReport report, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Put, $"devices/{Uri.EscapeDataString(deviceId)}/dead-letters", JsonSerializer.SerializeToUtf8Bytes(report, WireJson.Default.DeadLetterReport), WireJson.Default.DeadLettersNoted, cancellationToken);

    public Task<SnapshotManifest> GetSnapshotAsync(string? space, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, SnapshotPath(space, "/manifest"), null, WireJson.Default.SnapshotManifest, cancellationToken);

    public Task<SnapshotPart> OpenSnapshotAsync(string? space, string etag, long from, CancellationToken cancellationToken) => _tokens.WithAsync(
        async token =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, SnapshotPath(space, ""));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            if (from > 0)
            {
                request.Headers.Range = new RangeHeaderValue(from, null);
                request.Headers.IfRange = new RangeConditionHeaderValue(new EntityTagHeaderValue($"\"{etag}\""));
            }

            try
            {
                var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
                SyncSources.CountRequest(SpacesPath, (int)response.StatusCode);
                if (!response.IsSuccessStatusCode)
                {
                    using var refused = response;
                    throw HttpTrouble.Of(_http.BaseAddress!, response, await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
                }

                return new SnapshotPart(await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false), response.StatusCode == HttpStatusCode.PartialContent);
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                SyncSources.CountRequest(SpacesPath, null);
                throw HttpTrouble.NoAnswer(_http.BaseAddress!, e);
            }
        },
        cancellationToken);

    private static string SnapshotPath(string? space, string what) =>
        space is null ? SpacesPath + "/snapshot" + what
        : SpaceNames.IsCatalog(space) ? $"catalog/{Uri.EscapeDataString(space[SpaceNames.CatalogPrefix.Length..])}{(what.Length == 0 ? "/snapshot" : what)}"
        : Query(SpacesPath + "/snapshot" + what, ("space", space));

    /// <summary>A connection for hints with this remote's token. A refused one is exchanged by the next run, which tells of it, and followed then.</summary>
    public ILiveHints CreateHints(LiveHintOptions options) => new TidemarkLiveHints(_http.BaseAddress!, _tokens.CurrentAsync, options, _environment);

    public void Dispose() => _http.Dispose();

    private async Task<T> SendAsync<T>(HttpMethod method, string path, ReadOnlyMemory<byte>? body, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        return Decoded(await SendAsync(method, path, body, cancellationToken).ConfigureAwait(false), type);
    }

    private static string Query(string path, params ReadOnlySpan<(string Name, string Value)> parameters)
    {
        var query = new System.Text.StringBuilder(path);
        foreach (var (name, value) in parameters)
        {
            query.Append(query.Length == path.Length ? '?' : '&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
        }

        return query.ToString();
    }

    private T Decoded<T>(byte[] bytes, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, type) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw HttpTrouble.NotOurs(_http.BaseAddress!, "an answer that is not of the protocol", e);
        }
    }

    private Task<byte[]> SendAsync(HttpMethod method, string path, ReadOnlyMemory<byte>? body, CancellationToken cancellationToken) =>
        _tokens.WithAsync(token => SendCheckedAsync(method, path, body, token, Lease, cancellationToken), cancellationToken);

    private async Task<byte[]> SendCheckedAsync(HttpMethod method, string path, ReadOnlyMemory<byte>? body, string token, string? lease, CancellationToken cancellationToken)
    {
        await CheckUserAsync(token, cancellationToken).ConfigureAwait(false);
        return await SendAsync(method, path, body, token, lease, cancellationToken).ConfigureAwait(false);
    }

    // A new token may be another user's: it carries nothing before the server has said whose it is.
    private async Task CheckUserAsync(string token, CancellationToken cancellationToken)
    {
        if (_user is { } user && !string.Equals(token, _usersToken, StringComparison.Ordinal))
        {
            var info = Decoded(await SendAsync(HttpMethod.Get, ModelPath, null, token, Lease, cancellationToken).ConfigureAwait(false), WireJson.Default.ModelInfo);
            if (!string.Equals(info.User, user, StringComparison.Ordinal))
            {
                throw new SyncException(SyncErrorCode.WrongUser, $"The token is of {info.User} now, this connection was made for {user}. Nothing was sent. Sign in as {user}, or open another store.");
            }

            _usersToken = token;
        }
    }

    private async Task<byte[]> SendAsync(HttpMethod method, string path, ReadOnlyMemory<byte>? body, string token, string? named, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (named is { } lease)
        {
            request.Headers.Add(LeaseResponse.Header, lease);
        }

        if (_compress)
        {
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("br"));
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("gzip"));
        }

        if (body is { } content)
        {
            request.Content = Content(content);
        }

        using var timeout = new CancellationTokenSource(Timeout, _time);
        using var whole = new CancellationTokenSource(Timeout + BodyTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, whole.Token, cancellationToken);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            SyncSources.CountRequest(path, (int)response.StatusCode);
            var bytes = await ReadAsync(response, () => timeout.CancelAfter(IdleTimeout), either.Token).ConfigureAwait(false);
            return response.IsSuccessStatusCode ? Checked(response, bytes) : throw HttpTrouble.Of(_http.BaseAddress!, response, bytes);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or InvalidDataException)
        {
            SyncSources.CountRequest(path, null);
            throw HttpTrouble.NoAnswer(_http.BaseAddress!, timeout.IsCancellationRequested || whole.IsCancellationRequested ? new TimeoutException("The answer took too long.") : e);
        }
    }

    private ByteArrayContent Content(ReadOnlyMemory<byte> content)
    {
        var isCompressed = _compress && content.Length >= CompressBytesMin;
        var body = new ByteArrayContent(isCompressed ? Compressed(content) : content.ToArray());
        body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (isCompressed)
        {
            body.Headers.ContentEncoding.Add("gzip");
        }

        return body;
    }

    private static byte[] Compressed(ReadOnlyMemory<byte> content)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(content.Span);
        }

        return buffer.ToArray();
    }

    private static async Task<byte[]> ReadAsync(HttpResponseMessage response, Action alive, CancellationToken cancellationToken)
    {
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            Stream source = response.Content.Headers.ContentEncoding.LastOrDefault() switch
            {
                "br" => new BrotliStream(stream, CompressionMode.Decompress),
                "gzip" => new GZipStream(stream, CompressionMode.Decompress),
                _ => stream,
            };
            await using (source.ConfigureAwait(false))
            {
                return await ReadAsync(source, (int)Math.Clamp(response.Content.Headers.ContentLength ?? 0, 1024, AnnouncedBytesMax), alive, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // Straight into the array of the announced length, which most answers fill; how long it really is only its end tells.
    private static async Task<byte[]> ReadAsync(Stream source, int capacity, Action alive, CancellationToken cancellationToken)
    {
        alive();
        var buffer = GC.AllocateUninitializedArray<byte>(capacity);
        var length = 0;
        while (length < buffer.Length)
        {
            var read = await source.ReadAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return buffer[..length];
            }

            length += read;
            alive();
        }

        using var rest = new MemoryStream();
        var part = ArrayPool<byte>.Shared.Rent(PartBytes);
        while (await source.ReadAsync(part, cancellationToken).ConfigureAwait(false) is var count and > 0)
        {
            rest.Write(part, 0, count);
            alive();
        }

        ArrayPool<byte>.Shared.Return(part);
        return rest.Length == 0 ? buffer : [.. buffer, .. rest.ToArray()];
    }

    private byte[] Checked(HttpResponseMessage response, byte[] bytes)
    {
        if (response.Content.Headers.ContentType?.MediaType is not "application/json" || response.StatusCode != HttpStatusCode.OK)
        {
            throw HttpTrouble.NotOurs(_http.BaseAddress!, $"{response.Content.Headers.ContentType?.MediaType ?? "no content type"} with status {(int)response.StatusCode}", null);
        }

        return bytes;
    }
}

/// <summary>An answer without a body.</summary>
/// <param name="Status">Of HTTP.</param>
/// <param name="Headers">By name, whatever its case.</param>
public sealed record HttpAnswer(int Status, IReadOnlyDictionary<string, string> Headers);
