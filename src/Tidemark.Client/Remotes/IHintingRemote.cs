namespace Tidemark.Client.Remotes;

/// <summary>A remote that tells when others have written.</summary>
public interface IHintingRemote
{
    /// <summary>A connection for hints, not running yet, with the server and the token that requests go with.</summary>
    ILiveHints CreateHints(LiveHintOptions options);
}
