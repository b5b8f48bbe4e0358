namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>A request that HTTP itself can refuse: its form, size or media type.</summary>
/// <param name="code">One of <see cref="Tidemark.Model.Protocol.ErrorCodes"/>.</param>
/// <param name="detail">What is wrong, without a word of what was sent.</param>
/// <param name="status">When another status than the code's own says it better; 0 for the code's own.</param>
/// <param name="inner">The cause.</param>
internal sealed class RequestException(string code, string detail, int status = 0, Exception? inner = null) : Exception(detail, inner)
{
    public string Code { get; } = code;

    public int Status { get; } = status;

    /// <summary>With status 415: the codings that are read (RFC 9110, 15.5.16).</summary>
    public string? AcceptEncoding { get; init; }
}
