using System.Globalization;
using System.Security.Cryptography;
using Tidemark.Server.Access;
using Tidemark.Server.AspNetCore.Endpoints;
using System.Security.Claims;
using System.Text;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Tidemark.Server.Storage;

namespace Tidemark.Server.AspNetCore;

/// <summary>
/// Makes bearer tokens that a server with the same key folder accepts. No server has to run for it.
/// Get one from a host that called <c>AddTidemarkTokens</c>, or with <c>Open</c>.
/// </summary>
public sealed class TidemarkTokens : IDisposable
{
    /// <summary>The role that may register a model on a server that is not in development mode.</summary>
    public const string AdministratorRole = "administrator";

    /// <summary>The longest user name in characters: the name of the user's default space is made of it.</summary>
    public const int UserLengthMax = 190;

    private const string AccessPurpose = ":AccessToken";
    private const string RefreshPurpose = ":RefreshToken";
    private const string Generation = "tidemark:generation";
    private const string Lifetime = "tidemark:lifetime";
    private readonly IOptionsMonitor<BearerTokenOptions> _options;
    private readonly TimeProvider _time;
    private readonly ServiceProvider? _owned;

    internal TidemarkTokens(IOptionsMonitor<BearerTokenOptions> options, TimeProvider time, ServiceProvider? owned)
    {
        _options = options;
        _time = time;
        _owned = owned;
    }

    /// <summary>For tools: the keys of a data folder (made when there are none yet).</summary>
    public static TidemarkTokens Open(string dataDirectory, TimeProvider? time = null) => Open(services => services.AddTidemarkTokens(dataDirectory), time);

    /// <summary>For tools: the keys in a store that nodes share. The store stays the caller's.</summary>
    public static async Task<TidemarkTokens> OpenAsync(IServerStore store, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        var tokens = Open(services => services.AddTidemarkTokens(store), time);
        await tokens.LoadAsync(store, cancellationToken).ConfigureAwait(false);
        return tokens;
    }

    private static TidemarkTokens Open(Action<IServiceCollection> keys, TimeProvider? time)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        keys(services);
        if (time is not null)
        {
            services.AddSingleton(time);
        }

        var provider = services.BuildServiceProvider();
        return new TidemarkTokens(
            provider.GetRequiredService<IOptionsMonitor<BearerTokenOptions>>(),
            time ?? TimeProvider.System,
            provider);
    }

    /// <summary>A token for one user.</summary>
    /// <param name="user">Who it speaks for; 1 to <see cref="UserLengthMax"/> characters, no control characters.</param>
    /// <param name="lifetime">How long it is accepted.</param>
    /// <param name="administrator">The user may register models.</param>
    /// <exception cref="ArgumentException">The name or the lifetime is out of bounds; the message names them.</exception>
    public string Create(string user, TimeSpan lifetime, bool administrator = false)
    {
        CheckUser(user);
        var identity = Identity(user, NewId(), administrator);
        var expires = Expiry(lifetime);
        return _options.Get(BearerTokenDefaults.AuthenticationScheme).BearerTokenProtector.Protect(Ticket(identity, expires, AccessPurpose));
    }

    /// <summary>An access token and a refresh token for the next; each refresh gives a new pair (POST /auth/refresh).</summary>
    /// <param name="user">Who they speak for.</param>
    /// <param name="lifetime">How long each access token is accepted.</param>
    /// <param name="sessionLifetime">How long there can be a next one.</param>
    /// <param name="administrator">The user may register models.</param>
    /// <exception cref="ArgumentException">The name or a lifetime is out of bounds; the message names them.</exception>
    public TokenPair CreateSession(string user, TimeSpan lifetime, TimeSpan sessionLifetime, bool administrator = false)
    {
        CheckUser(user);
        var identity = Identity(user, NewId(), administrator);
        return Pair(identity, 0, lifetime, Expiry(sessionLifetime));
    }

    /// <summary>Null: it is not accepted.</summary>
    internal async Task<TokenPair?> RefreshAsync(string refreshToken, AccessService access, CancellationToken cancellationToken)
    {
        var ticket = _options.Get(BearerTokenDefaults.AuthenticationScheme).RefreshTokenProtector.Unprotect(refreshToken);
        if (ticket is not { Properties.ExpiresUtc: { } expires, Principal.Identity: ClaimsIdentity identity } || expires <= _time.GetUtcNow()
            || identity.FindFirst(Generation) is not { } generation || identity.FindFirst(Lifetime) is not { } lifetime)
        {
            return null;
        }

        var caller = Callers.Of(ticket.Principal);
        var next = await access.RefreshAsync(
            caller.User, caller.TokenId!, int.Parse(generation.Value, CultureInfo.InvariantCulture), caller.IssuedAtMs ?? 0, expires.ToUnixTimeMilliseconds(), cancellationToken).ConfigureAwait(false);
        identity.RemoveClaim(generation);
        identity.RemoveClaim(lifetime);
        return next is { } number ? Pair(identity, number, TimeSpan.FromSeconds(long.Parse(lifetime.Value, CultureInfo.InvariantCulture)), expires) : null;
    }

    private TokenPair Pair(ClaimsIdentity identity, int generation, TimeSpan lifetime, DateTimeOffset sessionExpires)
    {
        var options = _options.Get(BearerTokenDefaults.AuthenticationScheme);
        var expires = Expiry(lifetime);
        var refresh = identity.Clone();
        refresh.AddClaim(new Claim(Generation, generation.ToString(CultureInfo.InvariantCulture)));
        refresh.AddClaim(new Claim(Lifetime, ((long)lifetime.TotalSeconds).ToString(CultureInfo.InvariantCulture)));
        return new TokenPair(
            options.BearerTokenProtector.Protect(Ticket(identity, expires < sessionExpires ? expires : sessionExpires, AccessPurpose)),
            options.RefreshTokenProtector.Protect(Ticket(refresh, sessionExpires, RefreshPurpose)),
            lifetime);
    }

    private AuthenticationTicket Ticket(ClaimsIdentity identity, DateTimeOffset expires, string purpose) => new(
        new ClaimsPrincipal(identity),
        new AuthenticationProperties { IssuedUtc = _time.GetUtcNow(), ExpiresUtc = expires },
        BearerTokenDefaults.AuthenticationScheme + purpose);

    private ClaimsIdentity Identity(string user, string id, bool administrator)
    {
        var identity = new ClaimsIdentity(BearerTokenDefaults.AuthenticationScheme);
        identity.AddClaim(new Claim(ClaimTypes.NameIdentifier, user));
        identity.AddClaim(new Claim(Callers.TokenId, id));
        identity.AddClaim(new Claim(Callers.IssuedAt, _time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)));
        if (administrator)
        {
            identity.AddClaim(new Claim(ClaimTypes.Role, AdministratorRole));
        }

        return identity;
    }

    private static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private DateTimeOffset Expiry(TimeSpan lifetime)
    {
        var now = _time.GetUtcNow();
        if (lifetime <= TimeSpan.Zero || lifetime > DateTimeOffset.MaxValue - now)
        {
            throw new ArgumentException("A token's lifetime is positive and ends before the year 10000.", nameof(lifetime));
        }

        return now + lifetime;
    }

    private static void CheckUser(string user)
    {
        if (string.IsNullOrWhiteSpace(user) || user.Length > UserLengthMax || user.EnumerateRunes().Any(r => Rune.IsControl(r) || r == Rune.ReplacementChar))
        {
            throw new ArgumentException($"A user name has 1 to {UserLengthMax} characters, none of them a control character or half a surrogate pair.", nameof(user));
        }
    }

    /// <summary>Loads the keys; where there are none, one node makes one and the others wait for it.</summary>
    internal async Task LoadAsync(IServerStore store, CancellationToken cancellationToken) => await store.AloneAsync(
        "token-keys",
        () =>
        {
            Create("start", TimeSpan.FromSeconds(1)); // Sealing anything loads the key ring.
            return Task.CompletedTask;
        },
        cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public void Dispose() => _owned?.Dispose();
}

/// <summary>An access token, and what gives the next one.</summary>
/// <param name="AccessToken">For the Authorization header.</param>
/// <param name="RefreshToken">For POST /auth/refresh; good once.</param>
/// <param name="AccessLifetime">How long the access token is accepted.</param>
public sealed record TokenPair(string AccessToken, string RefreshToken, TimeSpan AccessLifetime);
