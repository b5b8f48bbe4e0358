using Microsoft.AspNetCore.Authentication.BearerToken;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Tidemark.Server.AspNetCore.Tokens;
using Tidemark.Server.Storage;

namespace Tidemark.Server.AspNetCore;

/// <summary>The built-in bearer tokens: tickets sealed with keys that lie in the data folder.</summary>
public static class TidemarkTokenExtensions
{
    // Part of every key's purpose: with another name no token made before is accepted.
    private const string ApplicationName = "Tidemark";

    /// <summary>Makes the framework's bearer tokens the default scheme, with keys in `keys` under the data folder.</summary>
    public static IServiceCollection AddTidemarkTokens(this IServiceCollection services, string dataDirectory)
    {
        services.AddDataProtection()
            .SetApplicationName(ApplicationName)
            .PersistKeysToFileSystem(KeyFolder(dataDirectory));
        return AddScheme(services);
    }

    /// <summary>The same with the keys in the store, which all nodes share.</summary>
    public static IServiceCollection AddTidemarkTokens(this IServiceCollection services, IServerStore store)
    {
        services.AddDataProtection().SetApplicationName(ApplicationName);
        services.Configure<KeyManagementOptions>(keys => keys.XmlRepository = new StoreKeys(store));
        return AddScheme(services);
    }

    private static IServiceCollection AddScheme(IServiceCollection services)
    {
        services.AddAuthentication(BearerTokenDefaults.AuthenticationScheme).AddBearerToken();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(provider => new TidemarkTokens(
            provider.GetRequiredService<IOptionsMonitor<BearerTokenOptions>>(),
            provider.GetRequiredService<TimeProvider>(),
            owned: null));
        return services;
    }

    // Whoever reads the keys can make tokens: on Unix the folder is its owner's alone.
    private static DirectoryInfo KeyFolder(string dataDirectory)
    {
        var path = Path.Combine(Path.GetFullPath(dataDirectory), "keys");
        return OperatingSystem.IsWindows()
            ? Directory.CreateDirectory(path)
            : Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
