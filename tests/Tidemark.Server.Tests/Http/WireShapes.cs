using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Tests.Http;

/// <summary>The wire in lines: names and types of every message.</summary>
internal static class WireShapes
{
    private static readonly Type[] Messages =
    [
        typeof(PushEnvelope), typeof(PushResponse), typeof(VerdictsRequest), typeof(VerdictsResponse), typeof(RowsRequest), typeof(RowsResponse),
        typeof(ChangesRequest), typeof(ChangesPageTail), typeof(Problem), typeof(ModelInfo), typeof(SpaceInfo), typeof(ChecksumsRequest), typeof(ChecksumsResponse), typeof(RangeChecksum), typeof(RowChecksum),
        typeof(LiveMessage), typeof(LeaseRequest), typeof(LeaseRenewal), typeof(LeaseResponse), typeof(LeaseReleased),
        typeof(SpaceRequest), typeof(SpaceMembers), typeof(MemberChange), typeof(InvitationRequest), typeof(SpaceInvitation), typeof(SpaceInvitations),
        typeof(JoinRequest), typeof(LeaveRequest), typeof(SpaceRemoved), typeof(SnapshotManifest),
        typeof(RefreshRequest), typeof(TokenResponse), typeof(RevokeRequest), typeof(Revoked), typeof(DeviceRequest), typeof(DeviceInfo), typeof(DeviceList),
        typeof(UserList), typeof(SpaceList), typeof(SpaceHead), typeof(CompactionRequest), typeof(CompactionResponse),
        typeof(DeadLetterReport), typeof(DeadLettersNoted), typeof(DeadLetterReports), typeof(RetentionInfo),
    ];

    /// <summary>A command with every member there is.</summary>
    public static byte[] WholeCommand { get; } = MakeCommand();

    public static IReadOnlyList<string> Lines { get; } = [.. Describe()];

    public static string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Lines))));

    private static IEnumerable<string> Describe()
    {
        yield return "protocol " + ProtocolVersion.Current;
        var seen = new SortedDictionary<string, Type>(StringComparer.Ordinal);
        foreach (var message in Messages)
        {
            Collect(message, seen);
        }

        var nullability = new NullabilityInfoContext();
        foreach (var (name, type) in seen)
        {
            foreach (var member in type.GetProperties().OrderBy(p => p.Name, StringComparer.Ordinal))
            {
                var optional = nullability.Create(member).ReadState == NullabilityState.Nullable ? "?" : "";
                yield return $"{name}.{System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(member.Name)}: {NameOf(member.PropertyType)}{optional}";
            }
        }

        yield return "operations " + string.Join(' ', Enum.GetValues<Operation>().Select(OperationNames.NameOf));
        yield return "codes " + string.Join(' ', ErrorCodes.All.Select(c => $"{c.Code}/{c.Status}/{c.Retryable}"));
        yield return "command " + Encoding.UTF8.GetString(WholeCommand);
        yield return "page " + Page();
    }

    private static void Collect(Type type, SortedDictionary<string, Type> seen)
    {
        foreach (var argument in type.GetGenericArguments())
        {
            Collect(argument, seen);
        }

        if (type.Namespace != typeof(PushEnvelope).Namespace || type == typeof(RawJson) || !seen.TryAdd(type.Name, type))
        {
            return;
        }

        foreach (var member in type.GetProperties())
        {
            Collect(member.PropertyType, seen);
        }
    }

    private static string NameOf(Type type) => Nullable.GetUnderlyingType(type) is { } inner
        ? NameOf(inner)
        : type.IsGenericType ? $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(',', type.GetGenericArguments().Select(NameOf))}>" : type.Name;

    private static SyncModel Model() => new SyncModelBuilder()
        .Entity("notes", e => e.Field("id", FieldType.Uuid).Field("owner", FieldType.Uuid).Field("title", FieldType.Text).Key("id"))
        .Build();

    private static byte[] MakeCommand()
    {
        var type = Model().Get("notes");
        var id = Value.Text(Samples.NoteId);
        return new PushCommand
        {
            Id = Guid.Parse(Samples.Command(1)),
            Type = type,
            Operation = Operation.Rekey,
            EntityId = new EntityKey([id]),
            NewEntityId = new EntityKey([Value.Text(Samples.TagId)]),
            BaseVersion = (1L << 53) - 1,
            After = Guid.Parse(Samples.Command(2)),
            Payload = new Row(type, [id, Value.Null, Value.Text("é\n")]),
            Refs = new Dictionary<string, Guid>(StringComparer.Ordinal) { ["owner"] = Guid.Parse(Samples.Command(3)) },
            Group = "g",
            OccurredAt = new DateTimeOffset(2026, 11, 21, 5, 0, 0, TimeSpan.Zero),
        }.ToUtf8();
    }

    private static string Page()
    {
        var type = Model().Get("notes");
        using var page = new ChangesPageWriter();
        var key = new EntityKey([Value.Text(Samples.NoteId)]);
        page.Add(type, Operation.Update, key, 1_700_000_000_000_001, new ChangeOrigin("phone", Guid.Parse(Samples.Command(1))), new Row(type, [key[0], Value.Null, Value.Absent]), Guid.Parse(Samples.Command(2)));
        page.Add(type, Operation.Delete, key, 1_700_000_000_000_002, null, null);
        return Encoding.UTF8.GetString(page.Finish(new ChangesPageTail
        {
            NextCursor = "c",
            Cursors = new Dictionary<string, string>(StringComparer.Ordinal) { ["notes"] = "d" },
            EntityCursors = new Dictionary<string, WireEntityCursor>(StringComparer.Ordinal) { ["notes"] = new(1_700_000_000_000_002, Samples.NoteId) },
            Until = 1_700_000_000_000_002,
            HasMore = false,
            EstimatedRemaining = 0,
            Epoch = "e",
            Mark = new Mark(1_700_000_000_000_002, "t"),
        }).Span);
    }
}
