using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Push;

namespace Tidemark.Server.Hooks;

/// <summary>What a caller sees of rows, wherever an answer has some.</summary>
internal static class Shown
{
    /// <summary>Null: everything, as it is.</summary>
    public static Func<Row, Row?>? To(SyncHooks hooks, Caller caller, SpaceId space) => ReferenceEquals(hooks, SyncHooks.None) ? null : row => hooks.Show(caller, space, row);

    public static AcceptedVerdict Of(AcceptedVerdict verdict, SyncModel model, Func<Row, Row?>? show) =>
        show is null || verdict.Row is null ? verdict : verdict with { Row = Of(verdict.Row.Value, model.Find(verdict.EntityType), show) };

    public static PushResponse Of(PushResponse response, SyncModel model, IReadOnlyList<ReceivedCommand> commands, Func<Row, Row?>? show)
    {
        if (show is null)
        {
            return response;
        }

        var types = commands.Where(c => c.Command is not null).ToDictionary(c => c.Id, c => c.Command!.Type);
        return response with
        {
            Successful = [.. response.Successful.Select(v => Of(v, model, show))],
            Failed = [.. response.Failed.Select(v => v.ServerRow is { } row ? v with { ServerRow = Of(row, types.GetValueOrDefault(v.CommandId), show) } : v)],
            Conflicts = [.. response.Conflicts.Select(v => v.ServerRow is { } row ? v with { ServerRow = Of(row, model.Find(v.EntityType), show) } : v)],
        };
    }

    private static RawJson? Of(RawJson row, EntityType? type, Func<Row, Row?> show)
    {
        if (type is null)
        {
            return null;
        }

        var reader = new Utf8JsonReader(row.Utf8.Span);
        reader.Read();
        return show(WireRow.Read(type, ref reader, ignoreUnknown: true)) is { } shown ? Verdicts.RowOf(shown) : null;
    }
}
