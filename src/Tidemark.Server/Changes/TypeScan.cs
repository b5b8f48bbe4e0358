using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Push;

namespace Tidemark.Server.Changes;

/// <summary>One pass over the rows of a type: its digest, those of its ranges, and the rows of some of them.</summary>
internal sealed class TypeScan : IDisposable
{
    private readonly EntityType _type;
    private readonly int _bits;
    private readonly int _listedMax;
    private readonly CanonicalJsonWriter _writer = new();
    private readonly HashSet<int>? _within;
    private readonly List<RowChecksum> _listed = [];
    private readonly SetDigest[]? _ranges;
    private SetDigest _all;

    public TypeScan(EntityType type, int? bits, IReadOnlyList<int>? within, int listedMax)
    {
        if (bits is < 1 or > KeyRange.BitsMax || (within is not null && bits is null) || within?.Any(r => r < 0 || r >> bits!.Value != 0) == true)
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"rangeBits must be 1 to {KeyRange.BitsMax}, and within names ranges of 0 to 2^rangeBits - 1.");
        }

        (_type, _bits, _listedMax) = (type, bits ?? 0, listedMax);
        _ranges = bits is null ? null : new SetDigest[1 << bits.Value];
        _within = within is null ? null : [.. within];
    }

    public void Add(Row row)
    {
        var digest = RowDigest.Of(WireRow.Sendable(row), _writer);
        _all.Add(digest);
        if (_ranges is null)
        {
            return;
        }

        var range = KeyRange.Of(_type, row.Key, _bits, _writer);
        _ranges[range].Add(digest);
        if (_within?.Contains(range) == true)
        {
            if (_listed.Count == _listedMax)
            {
                throw Problems.Of(ErrorCodes.TooLarge, $"The ranges have more than {_listedMax} rows; ask for fewer of them, or for narrower ones.");
            }

            _listed.Add(new RowChecksum(Verdicts.KeyOf(_type, row.Key), Convert.ToHexStringLower(digest)));
        }
    }

    public TypeChecksum Result() => new(_all.Rows, _all.ToString())
    {
        Ranges = _ranges is null || _within is not null ? null : [.. _ranges.Select((d, i) => (Digest: d, Range: i)).Where(r => r.Digest.Rows > 0).Select(r => new RangeChecksum(r.Range, r.Digest.Rows, r.Digest.ToString()))],
        Listed = _within is null ? null : _listed,
    };

    public void Dispose() => _writer.Dispose();
}
