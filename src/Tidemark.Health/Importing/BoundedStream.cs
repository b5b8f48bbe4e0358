namespace Tidemark.Health.Importing;

/// <summary>Ends with a sentence where a file grows beyond what it may.</summary>
internal sealed class BoundedStream(Stream inner, string name, long bytesMax, long inflatedMax) : Stream
{
    private long _read;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => _read; set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        var read = inner.Read(buffer);
        _read += read;
        return _read <= Math.Min(bytesMax, inflatedMax)
            ? read
            : throw new HealthExportException($"{name} inflates to more than {Math.Min(bytesMax, inflatedMax)} bytes, which no real export does: it is taken for a zip bomb.");
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
