namespace Tidemark.Model.Protocol;

/// <summary>Something on the wire does not have the form it must have.</summary>
public sealed class WireFormatException(string code, string message, string? field = null) : Exception(message)
{
    /// <summary>One of <see cref="ErrorCodes"/>.</summary>
    public string Code { get; } = code;

    /// <summary>The field at fault, when it is one.</summary>
    public string? Field { get; } = field;
}
