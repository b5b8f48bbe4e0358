using System.Globalization;
using System.Text;

namespace Tidemark.Health.Synthetic;

/// <summary>Writes the export's text as bytes, and counts them.</summary>
internal sealed class XmlBytes(Stream target) : IDisposable
{
    private readonly byte[] _buffer = new byte[256 * 1024];
    private int _length;

    public long Written { get; private set; }

    public XmlBytes Add(string text)
    {
        if (_buffer.Length - _length < text.Length * 3)
        {
            Flush();
            if (text.Length * 3 > _buffer.Length)
            {
                var bytes = Encoding.UTF8.GetBytes(text);
                target.Write(bytes);
                Written += bytes.Length;
                return this;
            }
        }

        _length += Encoding.UTF8.GetBytes(text, _buffer.AsSpan(_length));
        return this;
    }

    /// <summary>Six significant digits, as the platform prints them.</summary>
    public XmlBytes Add(double value)
    {
        Room(40);
        value.TryFormat(_buffer.AsSpan(_length), out var written, "G6", CultureInfo.InvariantCulture);
        _length += written;
        return this;
    }

    public XmlBytes Add(long value)
    {
        Room(20);
        value.TryFormat(_buffer.AsSpan(_length), out var written, default, CultureInfo.InvariantCulture);
        _length += written;
        return this;
    }

    /// <summary>An instant with the offset that the whole export has.</summary>
    public XmlBytes AddDate(long seconds, int offsetHours, bool isOld = false)
    {
        Room(40);
        var local = DateTime.UnixEpoch.AddSeconds(seconds + (offsetHours * 3600));
        local.TryFormat(_buffer.AsSpan(_length), out var written, isOld ? "yyyyMMddHHmmss" : "yyyy-MM-dd HH:mm:ss ", CultureInfo.InvariantCulture);
        _length += written;
        return Add(offsetHours < 0 ? "-" : "+").Add(Math.Abs(offsetHours) < 10 ? "0" : "").Add(Math.Abs(offsetHours)).Add("00");
    }

    /// <summary>Hands over what is waiting.</summary>
    public void Flush()
    {
        target.Write(_buffer, 0, _length);
        Written += _length;
        _length = 0;
    }

    public void Dispose() => Flush();

    private void Room(int bytes)
    {
        if (_buffer.Length - _length < bytes)
        {
            Flush();
        }
    }
}
