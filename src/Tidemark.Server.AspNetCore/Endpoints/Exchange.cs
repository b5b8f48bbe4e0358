using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Tidemark.Server.AspNetCore.Bodies;

namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>What nearly every endpoint does: who calls, his message, the server's answer. Who calls is asked first: nobody's body is read for nothing.</summary>
internal static class Exchange
{
    public static async Task<IResult> AnswerAsync<TMessage, TAnswer>(
        HttpContext http, ServerOptions options, JsonTypeInfo<TMessage> message, JsonTypeInfo<TAnswer> answer, Func<Caller, TMessage, CancellationToken, Task<TAnswer>> ask, CancellationToken cancellationToken)
    {
        var caller = Callers.Of(http.User);
        var received = await RequestBody.ReadAsync(http.Request, message, options.Limits.RequestBytesMax, cancellationToken).ConfigureAwait(false);
        return Answer.Of(await ask(caller, received, cancellationToken).ConfigureAwait(false), answer);
    }
}
