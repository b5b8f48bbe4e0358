using System.CommandLine;
using Tidemark.Cli.Running;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes;
using Tidemark.Client.Remotes.Http;

namespace Tidemark.Cli.Sharing;

/// <summary>A verb that asks the server one thing.</summary>
internal static class SpaceVerb
{
    public static Command Of(string name, string description, Func<VerbContext, ISharedSpaces, CancellationToken, Task> ask, params IEnumerable<Symbol> symbols)
    {
        var server = SharedOptions.Server();
        var token = SharedOptions.Token();
        return Verb.Create(name, description, [.. symbols, server, token]).Runs(async (context, cancellationToken) =>
        {
            var (address, bearer) = (SharedOptions.ServerOf(context, server), SharedOptions.TokenOf(context, token));
            using var remote = new TidemarkHttpRemote(address, _ => Task.FromResult(bearer), SyncEnvironment.System);
            await ask(context, remote, cancellationToken);
            return ExitCode.Done;
        });
    }
}
