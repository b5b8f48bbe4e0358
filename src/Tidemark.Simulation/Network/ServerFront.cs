using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Simulation.Disk;

namespace Tidemark.Simulation.Network;

/// <summary>
/// What stands between HTTP and the server's decisions, without HTTP: the same messages, the same problems. The decisions
/// and the storage behind it are the real ones. The token is the user's name.
/// </summary>
internal sealed class ServerFront(SyncServer server, Action<string> unexpected)
{
    private const string LeasePath = "/sync/lease";
    private const string SnapshotPath = "/spaces/snapshot";
    private const string CatalogPath = "/catalog/";

    public WireReply Handle(WireRequest request)
    {
        try
        {
            var caller = new Caller(new UserId(request.Token), IsAdministrator: false) { Lease = request.Lease };
            return Route(caller, request);
        }
        catch (SimulatedCrashException)
        {
            throw;
        }
        catch (ServerException e)
        {
            return Refusal(e.Problem);
        }
        catch (WireFormatException e)
        {
            return Refusal(Problems.Describe(e.Code, e.Message) with { Field = e.Field });
        }
        catch (Exception e) when (e is ModelException or JsonException)
        {
            return Refusal(Problems.Describe(ErrorCodes.BadRequest, e.Message));
        }
        catch (Exception e) when (e is not SimulatorNotDoneException)
        {
            // A real host would log it and say 500.
            unexpected($"{request.Path}: {e}");
            return Refusal(Problems.Describe(ErrorCodes.Unavailable, "The server met something it did not expect.") with { Status = 500 });
        }
    }

    private WireReply Route(Caller caller, WireRequest request) => (request.Method, request.Path) switch
    {
        ("GET", "/sync/model") => Message(Done(server.GetModelAsync(caller, default)), WireJson.Default.ModelInfo),
        ("PUT", "/sync/model") => Message(Done(server.PutModelAsync(caller, request.Body, default)), WireJson.Default.ModelInfo),
        ("GET", "/spaces") => Message(Done(server.GetSpacesAsync(caller, withLeft: true, default)), WireJson.Default.IReadOnlyListSpaceInfo),
        ("GET", SnapshotPath + "/manifest") => Message(Done(server.GetSnapshotAsync(caller, SpaceIn(request), default)), WireJson.Default.SnapshotManifest),
        ("GET", SnapshotPath) => FileOf(request, Done(server.SnapshotFileAsync(caller, SpaceIn(request), default))),
        ("GET", _) when request.Path.StartsWith(CatalogPath, StringComparison.Ordinal) && request.Path.Split('/') is [_, _, var name, var what] => what == "manifest"
            ? Message(Done(server.GetSnapshotAsync(caller, SpaceNames.CatalogPrefix + name, default)), WireJson.Default.SnapshotManifest)
            : FileOf(request, Done(server.SnapshotFileAsync(caller, SpaceNames.CatalogPrefix + name, default))),
        ("POST", "/sync/push") => Message(Done(server.PushAsync(caller, request.Body, default)), WireJson.Default.PushResponse),
        ("POST", "/sync/changes") => new WireReply(200, "application/json", Done(server.GetChangesAsync(caller, Read(request, WireJson.Default.ChangesRequest), default)).ToArray()),
        ("POST", "/sync/checksums") => Message(Done(server.GetChecksumsAsync(caller, Read(request, WireJson.Default.ChecksumsRequest), default)), WireJson.Default.ChecksumsResponse),
        ("POST", "/sync/rows") => Message(Done(server.GetRowsAsync(caller, Read(request, WireJson.Default.RowsRequest), default)), WireJson.Default.RowsResponse),
        ("POST", "/sync/verdicts") => Message(Done(server.GetVerdictsAsync(caller, Read(request, WireJson.Default.VerdictsRequest), default)), WireJson.Default.VerdictsResponse),
        ("POST", LeasePath) => Message(Done(server.AskLeaseAsync(caller, Read(request, WireJson.Default.LeaseRequest), default)), WireJson.Default.LeaseResponse),
        ("PUT", _) when request.Path.StartsWith(LeasePath, StringComparison.Ordinal) => Message(Done(server.RenewLeaseAsync(caller, request.Path[(LeasePath.Length + 1)..], default)), WireJson.Default.LeaseResponse),
        ("DELETE", _) when request.Path.StartsWith(LeasePath, StringComparison.Ordinal) =>
            Message(Done(server.ReleaseLeaseAsync(caller, request.Path[(LeasePath.Length + 1)..], default)), WireJson.Default.LeaseReleased),
        _ => WireReply.Html(404, "nothing here"),
    };

    private static string? SpaceIn(WireRequest request) => request.Query.Split("space=") is [_, var space] ? Uri.UnescapeDataString(space) : null;

    // The rest of the file when it is still the same one, else all of it.
    private static WireReply FileOf(WireRequest request, (SnapshotManifest Manifest, string? Path) file)
    {
        if (file.Path is not { } path)
        {
            return Refusal(Problems.Describe(ErrorCodes.BadRequest, "No snapshot is offered of this space."));
        }

        var bytes = FileSet.ReadClosed(path);
        return request.Rest is { } rest && rest.ETag == file.Manifest.ETag && rest.From < bytes.Length
            ? new WireReply(206, "application/vnd.sqlite3", bytes[(int)rest.From..])
            : new WireReply(200, "application/vnd.sqlite3", bytes);
    }

    private static T Read<T>(WireRequest request, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(request.Body, type) ?? throw new JsonException("null");

    private static WireReply Message<T>(T message, JsonTypeInfo<T> type) => new(200, "application/json", JsonSerializer.SerializeToUtf8Bytes(message, type));

    private static WireReply Refusal(Problem problem) => new(problem.Status, "application/problem+json", JsonSerializer.SerializeToUtf8Bytes(problem, WireJson.Default.Problem))
    {
        Headers = problem.RetryAfterMs is { } ms ? [("Retry-After", ((ms + 999) / 1000).ToString(CultureInfo.InvariantCulture))] : [],
    };

    // Nothing of the server waits for anything but its own storage, which answers at once.
    private static T Done<T>(Task<T> task) => task.IsCompleted ? task.GetAwaiter().GetResult() : throw new SimulatorNotDoneException();

    private sealed class SimulatorNotDoneException() : Exception("The server waits for something outside of the simulation.");
}
