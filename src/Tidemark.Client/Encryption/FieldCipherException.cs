namespace Tidemark.Client.Encryption;

/// <summary>Why a value cannot be read.</summary>
public enum CipherTrouble
{
    /// <summary>The key that it names is not here; it may come.</summary>
    MissingKey,

    /// <summary>It was changed, or belongs to another place, or was made under another key of that name.</summary>
    Refused,

    /// <summary>It is no envelope, or one of a later version.</summary>
    UnknownEnvelope,
}

/// <summary>An encrypted value cannot be read. Nothing of it is told but why.</summary>
public sealed class FieldCipherException(CipherTrouble trouble, string message, Guid? keyId = null, Exception? inner = null) : Exception(message, inner)
{
    public CipherTrouble Trouble { get; } = trouble;

    /// <summary>The key that it names, where that could be read.</summary>
    public Guid? KeyId { get; } = keyId;
}
