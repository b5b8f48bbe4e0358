using System.Globalization;
using Tidemark.Model.Values;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>
/// What the policies promise in whatever order edits meet: a counter is the sum of all that was counted, a monotonic number never goes back and
/// ends as the greatest one written, an array has all that was added and not removed and nothing else, a text has all words that nobody took away.
/// </summary>
/// <remarks>
/// Excused, besides <see cref="UnsettledRows"/>: counters of rows whose edits waited for their answer when the server forgot its verdicts (sent again, they
/// are counted again); and of monotonic numbers those that the device that wrote them took back itself, because it may never have sent them.
/// </remarks>
internal sealed class MergeChecker(RandomSchema schema) : IChecker
{
    private readonly UnsettledRows _unsettled = new(schema);
    private readonly Dictionary<(string Table, string Row), Account> _accounts = [];
    private readonly Dictionary<(string Table, string Row), long?> _peaks = [];
    private readonly Dictionary<string, HashSet<string>> _unanswered = new(StringComparer.Ordinal);
    private readonly HashSet<string> _countedTwice = new(StringComparer.Ordinal);

    public string Name => "merge";

    public void Observe(Observation seen, Action<string> violation)
    {
        _unsettled.Observe(seen);
        switch (seen)
        {
            case EditSeen edit:
                foreach (var change in edit.Facts.Merged)
                {
                    Note(edit.Device, change);
                }

                break;
            case DeviceSeen { Books.Waiting: 0 } device:
                _unanswered.Remove(device.Device);
                break;
            case ServerCompacted:
                _countedTwice.UnionWith(_unanswered.Values.SelectMany(r => r));
                break;
            case ServerSeen server:
                LookAtPeaks(server, violation);
                break;
            case Quiet quiet:
                foreach (var server in quiet.Replicas.Where(r => r.Device.Length == 0))
                {
                    Check(server, quiet.Replicas.Where(r => r.User == server.User).SelectMany(r => r.OpenTypes).ToHashSet(StringComparer.Ordinal), violation);
                }

                break;
        }
    }

    private void Note(string device, MergedChange change)
    {
        var account = _accounts.TryGetValue((change.Table, change.Row), out var known) ? known : _accounts[(change.Table, change.Row)] = new Account();
        var former = change.Former ?? Value.Null;
        switch (change.Column)
        {
            case MergedColumn.Total:
                account.Total += MergeEdits.NumberOf(change.Now) - MergeEdits.NumberOf(former);
                (_unanswered.TryGetValue(device, out var rows) ? rows : _unanswered[device] = new HashSet<string>(StringComparer.Ordinal)).Add(change.Row);
                break;
            case MergedColumn.Peak:
                account.Peaks[device] = PeakOf(change.Now);
                break;
            case MergedColumn.Items:
                Note(MergeEdits.ItemsOf(former), MergeEdits.ItemsOf(change.Now), account.Items, account.ItemsGone);
                break;
            default:
                Note(MergeEdits.WordsOf(former), MergeEdits.WordsOf(change.Now), account.Words, account.WordsGone);
                break;
        }
    }

    private static void Note(string[] former, string[] now, HashSet<string> added, HashSet<string> gone)
    {
        added.UnionWith(now.Except(former, StringComparer.Ordinal));
        gone.UnionWith(former.Except(now, StringComparer.Ordinal));
    }

    private void LookAtPeaks(ServerSeen server, Action<string> violation)
    {
        foreach (var (table, row, tag) in RowsOf(server.Rows, MergedColumn.Peak))
        {
            var peak = PeakOf(row[table.IndexOf(MergedColumn.Peak)]);
            if (!_unsettled.Has(tag) && _peaks.TryGetValue((table.Name, tag), out var former) && former is not null && (peak is null || peak < former))
            {
                violation($"{table.Name} <{tag}>.peak went back from {former} to {peak?.ToString(CultureInfo.InvariantCulture) ?? "NULL"} on the server");
            }

            _peaks[(table.Name, tag)] = peak;
        }
    }

    private void Check(ReplicaAtRest server, HashSet<string> open, Action<string> violation)
    {
        foreach (var column in Enum.GetValues<MergedColumn>())
        {
            foreach (var (table, row, tag) in RowsOf(server.Rows, column).Where(r => !open.Contains(r.Table.Name) && !_unsettled.Has(r.Tag)))
            {
                if (_accounts.TryGetValue((table.Name, tag), out var account) && FaultOf(column, account, row[table.IndexOf(column)], tag) is { } fault)
                {
                    violation($"{table.Name} <{tag}>.{TableShape.NameOf(column)} {fault}");
                }
            }
        }
    }

    private string? FaultOf(MergedColumn column, Account account, Value value, string tag) => column switch
    {
        MergedColumn.Total when MergeEdits.NumberOf(value) != account.Total && !_countedTwice.Contains(tag) => $"is {value}; all that was counted is {account.Total}",
        MergedColumn.Peak when account.Peaks.Values.Max() is { } peak && !(PeakOf(value) >= peak) => $"is {value}; {peak} was written",
        MergedColumn.Items when account.Items.Except(account.ItemsGone).Except(MergeEdits.ItemsOf(value)).Order(StringComparer.Ordinal).FirstOrDefault() is { } missing => $"is {value}: {missing} was added and never removed",
        MergedColumn.Items when MergeEdits.ItemsOf(value).Intersect(account.ItemsGone).Order(StringComparer.Ordinal).FirstOrDefault() is { } back => $"is {value}: {back} was removed",
        MergedColumn.Items when MergeEdits.ItemsOf(value) is { } items && items.Distinct(StringComparer.Ordinal).Count() < items.Length => $"is {value}: an item is there twice",
        MergedColumn.Prose when account.Words.Except(account.WordsGone).Except(MergeEdits.WordsOf(value)).Order(StringComparer.Ordinal).FirstOrDefault() is { } lost => $"is <{value.ToString().ReplaceLineEndings(" / ")}>: nobody took {lost} away",
        _ => null,
    };

    private static long? PeakOf(Value value) => value.IsNull ? null : value.AsInteger;

    private IEnumerable<(TableShape Table, Value[] Row, string Tag)> RowsOf(DatabaseImage rows, MergedColumn column) =>
        schema.Tables.Where(t => t.Merged.Contains(column)).SelectMany(t => rows.Rows(t).Select(r => (t, r, EditFacts.TagOf(t, r))));

    /// <summary>What all edits of a row come to.</summary>
    private sealed class Account
    {
        public long Total { get; set; }

        /// <summary>What each device wrote last.</summary>
        public Dictionary<string, long?> Peaks { get; } = new(StringComparer.Ordinal);

        public HashSet<string> Items { get; } = new(StringComparer.Ordinal);

        public HashSet<string> ItemsGone { get; } = new(StringComparer.Ordinal);

        public HashSet<string> Words { get; } = new(StringComparer.Ordinal);

        public HashSet<string> WordsGone { get; } = new(StringComparer.Ordinal);
    }
}
