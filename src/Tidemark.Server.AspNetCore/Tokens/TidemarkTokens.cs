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
        if (string.IsNullOrWhiteSpace(user) || user.Length > UserLengthMax || user.EnumerateRunes().Any(r => Rune.IsControl(r) || r == Rune.ReplacementChar))
        {
            throw new ArgumentException($"A user name has 1 to {UserLengthMax} characters, none of them a control character or half a surrogate pair.", nameof(user));
        }

        var now = _time.GetUtcNow();
        if (lifetime <= TimeSpan.Zero || lifetime > DateTimeOffset.MaxValue - now)
        {
            throw new ArgumentException("A token's lifetime is positive and ends before the year 10000.", nameof(lifetime));
        }

        var identity = new ClaimsIdentity(BearerTokenDefaults.AuthenticationScheme);
        identity.AddClaim(new Claim(ClaimTypes.NameIdentifier, user));
        if (administrator)
        {
            identity.AddClaim(new Claim(ClaimTypes.Role, AdministratorRole));
        }

        var properties = new AuthenticationProperties { IssuedUtc = now, ExpiresUtc = now + lifetime };
        var ticket = new AuthenticationTicket(new ClaimsPrincipal(identity), properties, BearerTokenDefaults.AuthenticationScheme + ":AccessToken");
        return _options.Get(BearerTokenDefaults.AuthenticationScheme).BearerTokenProtector.Protect(ticket);
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
