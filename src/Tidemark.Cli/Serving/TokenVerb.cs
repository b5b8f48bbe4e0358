using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;

namespace Tidemark.Cli.Serving;

internal static class TokenVerb
{
    public static Command Create()
    {
        var data = new Option<string?>("--data") { Description = "The server's data folder: its keys seal the token. No server has to run.", HelpName = "DIR" };
        var postgres = StoreOption.Create();
        var user = new Option<string>("--user") { Description = "Who the token speaks for. Every user has a space of their own.", HelpName = "NAME", Required = true };
        var expires = new Option<string>("--expires") { Description = "How long it is accepted: 90s, 15m, 12h, 30d.", HelpName = "TIME", DefaultValueFactory = _ => "30d" };
        var admin = new Option<bool>("--admin") { Description = "The user may register models on a server without --dev." };
        var session = new Option<string?>("--session") { Description = "Print a refresh token too, on a second line: POST /auth/refresh exchanges it for a new pair for so long.", HelpName = "TIME" };
        return Verb.Create("token", "Make a bearer token and print it alone, for TIDEMARK_TOKEN=$(tidemark token ...).", data, postgres, user, expires, admin, session)
            .Runs(async (context, cancellationToken) =>
            {
                var (name, lifetime, administrator) = (context.Get(user), Duration.Parse(context.Get(expires)), context.Get(admin));
                var sessionTime = context.Get(session) is { } time ? Duration.Parse(time) : (TimeSpan?)null;
                switch (context.Get(data), context.Get(postgres))
                {
                    case ({ } folder, null):
                        using (var tokens = TidemarkTokens.Open(folder))
                        {
                            return Run(context, tokens, name, lifetime, administrator, sessionTime);
                        }

                    case (null, { } connection):
                        await using (var store = await StoreOption.OpenAsync(connection, ServerEnvironment.System, cancellationToken))
                        {
                            using var tokens = await TidemarkTokens.OpenAsync(store, cancellationToken: cancellationToken);
                            return Run(context, tokens, name, lifetime, administrator, sessionTime);
                        }

                    default:
                        throw VerbException.Usage("One of --data and --postgres is needed: where the server's keys are.");
                }
            });
    }

    private static ExitCode Run(VerbContext context, TidemarkTokens tokens, string user, TimeSpan lifetime, bool administrator, TimeSpan? session)
    {
        string token;
        string? refreshToken = null;
        try
        {
            if (session is { } time)
            {
                (token, refreshToken, _) = tokens.CreateSession(user, lifetime, time, administrator);
            }
            else
            {
                token = tokens.Create(user, lifetime, administrator);
            }
        }
        catch (ArgumentException e)
        {
            throw VerbException.Usage(e.Message);
        }

        if (!context.Out.Json)
        {
            context.Out.Line(token);
            if (refreshToken is not null)
            {
                context.Out.Line(refreshToken);
            }
        }

        context.Out.Document(new { token, refreshToken, user, administrator, expiresAt = Tables.TimeOf(DateTimeOffset.UtcNow + lifetime) });
        return ExitCode.Done;
    }
}
