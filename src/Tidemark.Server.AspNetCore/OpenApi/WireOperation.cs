namespace Tidemark.Server.AspNetCore.OpenApi;

/// <summary>What the document says of one operation.</summary>
/// <param name="Id">The operation id: what a generated client calls its method.</param>
/// <param name="Tag">The heading it stands under.</param>
/// <param name="Summary">One line.</param>
/// <param name="Description">What a client has to know.</param>
/// <param name="Codes">The codes of the problems it answers with, besides those of every operation.</param>
internal sealed record WireOperation(string Id, string Tag, string Summary, string Description, params string[] Codes);
