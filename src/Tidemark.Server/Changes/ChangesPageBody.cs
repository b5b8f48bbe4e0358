using Tidemark.Model.Protocol;

namespace Tidemark.Server.Changes;

/// <summary>The JSON of one page in pooled memory: pages of megabytes would otherwise fill the large object heap.</summary>
public sealed class ChangesPageBody : IDisposable
{
    private readonly ChangesPageWriter _writer;
    private ReadOnlyMemory<byte> _utf8;

    internal ChangesPageBody(ChangesPageWriter writer, ReadOnlyMemory<byte> utf8)
    {
        _writer = writer;
        _utf8 = utf8;
    }

    /// <summary>Valid until <see cref="Dispose"/>.</summary>
    public ReadOnlyMemory<byte> Utf8 => _utf8;

    internal int Count => _writer.Count;

    public void Dispose()
    {
        _utf8 = default;
        _writer.Dispose();
    }
}
