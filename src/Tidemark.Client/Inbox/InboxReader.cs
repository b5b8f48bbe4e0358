using System.Globalization;
using System.Text;
using Tidemark.Client.Duplicates;
using Tidemark.Client.Engines;
using Tidemark.Client.Errors;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inbox;

/// <summary>Reads what needs a person, in words of the user's data.</summary>
internal sealed class InboxReader(StoreSession session)
{
    private const int TitleLengthMax = 60;

    private const int DuplicatesMax = 1000;

    public List<InboxItem> Read(bool withDuplicates) =>
    [
        .. session.Outbox.ReadAll(CommandStatus.DeadLetter).Select(Item).OfType<InboxItem>(),
        .. withDuplicates && DuplicateFinder.IsFullyFetched(session) ? new DuplicateFinder(session).Find([], DuplicatesMax).Groups.Select(ItemOf) : [],
    ];

    /// <summary>"due_date" and "DueDate" are a due date.</summary>
    public static string Label(string name)
    {
        var words = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] is '_' or '-' or ' ')
            {
                words.Append(' ');
                continue;
            }

            if (i > 0 && char.IsUpper(name[i]) && (char.IsLower(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1]) && char.IsUpper(name[i - 1]))))
            {
                words.Append(' ');
            }

            words.Append(char.ToLowerInvariant(name[i]));
        }

        return words.ToString().Trim();
    }

    private InboxItem? Item(StoredCommand command)
    {
        if (session.FindTable(command.Type) is not { } table)
        {
            return null;
        }

        var key = StoreSession.KeyFrom(table.Type, command.Key);
        var isConflict = command.LastCode == DeadLetterCodes.Conflict;
        var record = isConflict ? session.Conflicts.ReadOf(table.Type.Name, command.Key).LastOrDefault(c => c.IsOpen) : null;
        var mine = Live(table, key);
        var theirs = RowBytes.Read(table.Type, command.ServerRow) ?? record?.Server;
        return new InboxItem
        {
            Kind = isConflict ? InboxItemKind.Conflict : InboxItemKind.DeadLetter,
            Command = command.Id,
            Conflict = record?.Id,
            Type = table.Type.Name,
            Key = key,
            Title = TitleOf(table.Type, key, mine ?? theirs),
            Reason = command.LastError ?? "",
            Code = command.LastCode,
            Field = command.Field,
            At = DateTimeOffset.FromUnixTimeMilliseconds(command.StateUpdatedAtMs),
            Fields = FieldsOf(table.Type, record?.Base ?? table.ReadBase(session.Db, key, session.Remote), mine, theirs, isConflict),
            Dependents = [.. Dependents.Of(session, command).Select(d => $"{Label(d.Table.Type.Name)} {TitleOf(d.Table.Type, d.Key, Live(d.Table, d.Key))}")],
        };
    }

    private static InboxItem ItemOf(DuplicateGroup group)
    {
        var (stays, type) = (group.Rows[0].Row, group.Rows[0].Row.Type);
        var fields = new List<InboxField>();
        for (var i = 0; i < type.Fields.Count; i++)
        {
            if (!type.IsKey(i) && group.Rows.FirstOrDefault(r => r.Row[i] != stays[i]) is { } other)
            {
                fields.Add(new InboxField(type.Fields[i].Name, Label(type.Fields[i].Name), null, Words(stays[i]), Words(other.Row[i]), IsInConflict: !stays[i].IsNull && !other.Row[i].IsNull));
            }
        }

        return new InboxItem
        {
            Kind = InboxItemKind.Duplicate,
            Command = Guid.Empty,
            Type = group.Type,
            Key = stays.Key,
            Title = TitleOf(type, stays.Key, stays),
            Reason = string.Create(CultureInfo.InvariantCulture, $"{group.Rows.Count} rows have the same {string.Join(" and ", group.Fields.Select(Label))}."),
            At = DateTimeOffset.UnixEpoch,
            Fields = fields,
            Duplicates = group,
            Dependents = [.. group.Rows.Skip(1).Select(r => $"{Label(type.Name)} {TitleOf(type, r.Key, r.Row)}")],
        };
    }

    private Row? Live(EntityTable table, EntityKey key)
    {
        try
        {
            return LiveRows.Read(session, table, key).Visible;
        }
        catch (UnfitValueException)
        {
            return null; // That it does not fit is why it is here; the reason says so.
        }
    }

    private static List<InboxField> FieldsOf(EntityType type, Row? before, Row? mine, Row? theirs, bool isConflict)
    {
        var fields = new List<InboxField>();
        for (var i = 0; i < type.Fields.Count; i++)
        {
            var (was, here, there) = (ValueAt(before, i), ValueAt(mine, i), ValueAt(theirs, i));
            if (type.IsKey(i) || here == there)
            {
                continue;
            }

            fields.Add(new InboxField(type.Fields[i].Name, Label(type.Fields[i].Name), Words(was), Words(here), Words(there), isConflict && here != was && there != was));
        }

        return fields;
    }

    private static Value ValueAt(Row? row, int ordinal) => row is null ? Value.Absent : row[ordinal];

    private static string? Words(Value value) => value.Kind switch
    {
        ValueKind.Absent or ValueKind.Null => null,
        ValueKind.Blob => string.Create(CultureInfo.InvariantCulture, $"{value.AsBlob.Length} bytes"),
        ValueKind.Text => value.AsText,
        _ => value.ToString(),
    };

    private static string TitleOf(EntityType type, EntityKey key, Row? row)
    {
        for (var i = 0; row is not null && i < type.Fields.Count; i++)
        {
            if (!type.IsKey(i) && !type.Relations.Any(r => r.Fields.Contains(type.Fields[i].Name, StringComparer.Ordinal)) && type.Fields[i].Type is FieldType.Text or FieldType.Exact && row[i].Kind == ValueKind.Text && !string.IsNullOrWhiteSpace(row[i].AsText))
            {
                var text = row[i].AsText.Split('\n')[0].Trim();
                return text.Length <= TitleLengthMax ? text : text[..TitleLengthMax] + "...";
            }
        }

        return string.Join(", ", key.Parts.ToArray().Select(p => Words(p)));
    }
}
