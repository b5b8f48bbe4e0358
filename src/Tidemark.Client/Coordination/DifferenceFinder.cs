using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination;

/// <summary>How a row differs between this file and the server.</summary>
public enum DifferenceKind
{
    /// <summary>The server has it, this file not.</summary>
    Missing,

    /// <summary>This file has it, the server not.</summary>
    Extra,

    /// <summary>Both have it, with other contents.</summary>
    Different,
}

/// <summary>One row that differs.</summary>
/// <param name="Key">In wire form.</param>
/// <param name="Kind">How.</param>
public sealed record RowDifference(string Key, DifferenceKind Kind);

/// <summary>
/// Finds the rows of a type that differ from what the server has, without fetching them: checksums of ranges of keys first, then keys and digests of the ranges that
/// differ. What it costs goes with the number of differences, and once with the number of ranges.
/// </summary>
internal sealed class DifferenceFinder(StoreSession session, IRemote remote, string? space)
{
    private const int ListedMax = 2000;

    public async Task<IReadOnlyList<RowDifference>> FindAsync(EntityTable table, long serverRows, Mark head, CancellationToken cancellationToken)
    {
        var bits = KeyRange.BitsFor(Math.Max(serverRows, 1));
        var here = Read(table, bits);
        if (await AskAsync(table, bits, null, head, cancellationToken).ConfigureAwait(false) is not { Ranges: { } ranges })
        {
            return []; // The server has moved on: a pull comes first.
        }

        var there = ranges.ToDictionary(r => r.Range);
        var differing = here.Keys.Union(there.Keys).Order().Where(r => !IsSame(here.GetValueOrDefault(r), there.GetValueOrDefault(r))).ToArray();
        var found = new List<RowDifference>();
        foreach (var part in Parts(differing, there))
        {
            if (await AskAsync(table, bits, part, head, cancellationToken).ConfigureAwait(false) is not { Listed: { } listed })
            {
                return found;
            }

            Compare(part.SelectMany(r => here.GetValueOrDefault(r) ?? []).ToDictionary(StringComparer.Ordinal), listed, found);
        }

        return found;
    }

    private static void Compare(Dictionary<string, byte[]> here, IReadOnlyList<RowChecksum> there, List<RowDifference> found)
    {
        foreach (var row in there)
        {
            var key = System.Text.Encoding.UTF8.GetString(row.EntityId.Utf8.Span);
            if (!here.Remove(key, out var digest))
            {
                found.Add(new RowDifference(key, DifferenceKind.Missing));
            }
            else if (!string.Equals(Convert.ToHexStringLower(digest), row.Digest, StringComparison.Ordinal))
            {
                found.Add(new RowDifference(key, DifferenceKind.Different));
            }
        }

        found.AddRange(here.Keys.Order(StringComparer.Ordinal).Select(k => new RowDifference(k, DifferenceKind.Extra)));
    }

    // As many ranges at once as have few enough rows.
    private static IEnumerable<List<int>> Parts(int[] ranges, Dictionary<int, RangeChecksum> there)
    {
        var part = new List<int>();
        var rows = 0L;
        foreach (var range in ranges)
        {
            var more = there.GetValueOrDefault(range)?.Rows ?? 0;
            if (part.Count > 0 && rows + more > ListedMax)
            {
                yield return part;
                (part, rows) = ([], 0);
            }

            part.Add(range);
            rows += more;
        }

        if (part.Count > 0)
        {
            yield return part;
        }
    }

    private static bool IsSame(Dictionary<string, byte[]>? here, RangeChecksum? there)
    {
        var digest = default(SetDigest);
        foreach (var row in here?.Values ?? Enumerable.Empty<byte[]>())
        {
            digest.Add(row);
        }

        return digest.Rows == (there?.Rows ?? 0) && (there is null || string.Equals(digest.ToString(), there.Digest, StringComparison.Ordinal));
    }

    private Dictionary<int, Dictionary<string, byte[]>> Read(EntityTable table, int bits)
    {
        var ranges = new Dictionary<int, Dictionary<string, byte[]>>();
        using var writer = new CanonicalJsonWriter();
        foreach (var (key, digest) in session.Db.Query($"SELECT {table.MetaKeys}, digest FROM {table.RowTable} WHERE remote = ?1", s => (table.KeyAt(s, 0), s.Column(table.KeyColumns.Count).AsBlob), Value.Integer(session.Remote)))
        {
            var range = KeyRange.Of(table.Type, key, bits, writer);
            if (!ranges.TryGetValue(range, out var rows))
            {
                ranges[range] = rows = new Dictionary<string, byte[]>(StringComparer.Ordinal);
            }

            rows[System.Text.Encoding.UTF8.GetString(writer.Written)] = digest;
        }

        return ranges;
    }

    private async Task<TypeChecksum?> AskAsync(EntityTable table, int bits, List<int>? within, Mark head, CancellationToken cancellationToken)
    {
        var answer = await remote.GetChecksumsAsync(new ChecksumsRequest { Space = space, EntityTypes = [table.Type.Name], RangeBits = bits, Within = within }, cancellationToken).ConfigureAwait(false);
        return answer.Mark == head ? answer.Types.GetValueOrDefault(table.Type.Name) : null;
    }
}
