namespace Tidemark.Simulation.Network;

/// <summary>A body that ends too early: with an error, or as if that were all.</summary>
internal sealed class CutStream(byte[] bytes, int length, bool silent) : Stream
{
    private int _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count)
    {
        if (_position == length && !silent && length < bytes.Length)
        {
            throw new IOException("The connection was lost in the middle of the answer.");
        }

        var read = Math.Min(count, length - _position);
        bytes.AsSpan(_position, read).CopyTo(buffer.AsSpan(offset));
        _position += read;
        return read;
    }

    // The base class would read on the thread pool.
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        try
        {
            return Task.FromResult(Read(buffer, offset, count));
        }
        catch (IOException e)
        {
            return Task.FromException<int>(e);
        }
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var copy = new byte[buffer.Length];
        var read = ReadAsync(copy, 0, copy.Length, cancellationToken);
        if (read.IsCompletedSuccessfully)
        {
            copy.AsMemory(0, read.Result).CopyTo(buffer);
        }

        return new ValueTask<int>(read);
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
