namespace Tidemark.Cli.Running;

/// <summary>Which server, and who asks.</summary>
internal sealed record ServerLink(Uri Server, string Token);
