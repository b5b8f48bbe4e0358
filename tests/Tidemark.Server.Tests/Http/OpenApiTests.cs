using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Tidemark.Model.Protocol;

namespace Tidemark.Server.Tests.Http;

/// <summary>The document that clients of other languages are made from.</summary>
[Trait("req", "SRV-01")]
public sealed class OpenApiTests
{
    [Fact]
    public async Task Every_route_of_the_server_is_in_the_document()
    {
        await using var server = await HttpServer.StartAsync();
        var paths = (await DocumentAsync(server)).GetProperty("paths");
        var routes = server.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(e => !e.RoutePattern.RawText!.StartsWith("/openapi", StringComparison.Ordinal))
            .SelectMany(e => e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(m => (Path: e.RoutePattern.RawText!, Method: m)))
            .ToList();

        Assert.True(routes.Count >= 11);
        foreach (var (path, method) in routes)
        {
            Assert.True(paths.TryGetProperty(path, out var item) && item.TryGetProperty(method.ToLowerInvariant(), out _), $"{method} {path} is not in the document.");
        }

        Assert.Equal(routes.Count, paths.EnumerateObject().Sum(p => p.Value.EnumerateObject().Count()));
    }

    [Fact]
    public async Task Every_operation_says_who_may_call_it_what_it_takes_and_what_it_answers()
    {
        await using var server = await HttpServer.StartAsync();
        var document = await DocumentAsync(server);
        Assert.Equal("http", document.GetProperty("components").GetProperty("securitySchemes").GetProperty("bearer").GetProperty("type").GetString());
        var ids = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (path, method, operation) in Operations(document))
        {
            Assert.True(ids.Add(operation.GetProperty("operationId").GetString()!));
            Assert.NotEmpty(operation.GetProperty("summary").GetString()!);
            Assert.NotEmpty(operation.GetProperty("description").GetString()!);
            var responses = operation.GetProperty("responses");
            if (!path.EndsWith("/snapshot", StringComparison.Ordinal))
            {
                Assert.True(Schema(responses.GetProperty("200"), "application/json").ValueKind == JsonValueKind.Object, path);
            }

            var isRefresh = path == "/auth/refresh"; // Its token is in the body.
            var open = isRefresh || path.StartsWith("/health", StringComparison.Ordinal);
            Assert.Equal(open, !operation.TryGetProperty("security", out _));
            Assert.Equal(open && !isRefresh, !responses.TryGetProperty("401", out _));
            Assert.Equal(method is "post" or "put", operation.TryGetProperty("requestBody", out var body));
            if (method is "post" or "put")
            {
                Assert.True(body.GetProperty("required").GetBoolean());
                Schema(body, "application/json");
                Assert.True(responses.TryGetProperty("413", out _) && responses.TryGetProperty("400", out _) && responses.TryGetProperty("415", out _));
            }

            foreach (var problem in responses.EnumerateObject().Where(r => r.Name != "200"))
            {
                Assert.Equal("#/components/schemas/Problem", Schema(problem.Value, "application/problem+json").GetProperty("$ref").GetString());
                Assert.Contains(ErrorCodes.All, c => problem.Value.GetProperty("description").GetString()!.Contains(c.Code + ":", StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public async Task The_shapes_are_those_of_the_messages()
    {
        await using var server = await HttpServer.StartAsync();
        var schemas = (await DocumentAsync(server)).GetProperty("components").GetProperty("schemas");
        (Type Type, string Name, string[] More)[] messages =
        [
            (typeof(PushEnvelope), "PushRequest", ["commands"]),
            (typeof(ChangesPageTail), "ChangesPage", ["changes"]),
            (typeof(PushResponse), "PushResponse", []),
            (typeof(AcceptedVerdict), "AcceptedVerdict", []),
            (typeof(FailedVerdict), "FailedVerdict", []),
            (typeof(ConflictVerdict), "ConflictVerdict", []),
            (typeof(ChangesRequest), "ChangesRequest", []),
            (typeof(VerdictsRequest), "VerdictsRequest", []),
            (typeof(VerdictsResponse), "VerdictsResponse", []),
            (typeof(RowsRequest), "RowsRequest", []),
            (typeof(RowsResponse), "RowsResponse", []),
            (typeof(ChecksumsRequest), "ChecksumsRequest", []),
            (typeof(ChecksumsResponse), "ChecksumsResponse", []),
            (typeof(ModelInfo), "ModelInfo", []),
            (typeof(WireLimits), "WireLimits", []),
            (typeof(SpaceInfo), "SpaceInfo", []),
            (typeof(WireChange), "WireChange", []),
            (typeof(Mark), "Mark", []),
            (typeof(LiveMessage), "LiveMessage", []),
            (typeof(LeaseRequest), "LeaseRequest", []),
            (typeof(LeaseResponse), "LeaseResponse", []),
            (typeof(LeaseReleased), "LeaseReleased", []),
            (typeof(SpaceMembers), "SpaceMembers", []),
            (typeof(SpaceInvitation), "SpaceInvitation", []),
            (typeof(SnapshotManifest), "SnapshotManifest", []),
            (typeof(Problem), "Problem", []),
        ];

        foreach (var (type, name, more) in messages)
        {
            var wanted = type.GetProperties().Select(p => JsonNamingPolicy.CamelCase.ConvertName(p.Name)).Concat(more).Order(StringComparer.Ordinal);
            var described = schemas.GetProperty(name).GetProperty("properties").EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal);
            Assert.Equal(wanted, described);
        }

        Assert.DoesNotContain(schemas.EnumerateObject(), s => s.Name.Contains("RawJson", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_command_is_described_as_it_is_written()
    {
        await using var server = await HttpServer.StartAsync();
        var described = (await DocumentAsync(server)).GetProperty("components").GetProperty("schemas").GetProperty("PushCommand").GetProperty("properties");

        using var written = JsonDocument.Parse(WireShapes.WholeCommand);

        Assert.Equal(
            written.RootElement.EnumerateObject().Select(m => m.Name).Order(StringComparer.Ordinal),
            described.EnumerateObject().Select(m => m.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Every_reference_in_the_document_leads_somewhere()
    {
        await using var server = await HttpServer.StartAsync();
        var document = await DocumentAsync(server);
        foreach (var reference in References(document))
        {
            var at = document;
            foreach (var step in reference.Split('/').Skip(1))
            {
                Assert.True(at.TryGetProperty(step, out at), reference);
            }
        }
    }

    // Nobody has to be signed in to read it.
    private static async Task<JsonElement> DocumentAsync(HttpServer server)
    {
        using var answer = await server.Client(user: null).GetAsync(new Uri("/openapi/v1.json", UriKind.Relative));
        return await answer.JsonAsync();
    }

    private static IEnumerable<(string Path, string Method, JsonElement Operation)> Operations(JsonElement document) =>
        document.GetProperty("paths").EnumerateObject().SelectMany(p => p.Value.EnumerateObject().Select(m => (p.Name, m.Name, m.Value)));

    private static JsonElement Schema(JsonElement of, string mediaType) => of.GetProperty("content").GetProperty(mediaType).GetProperty("schema");

    private static IEnumerable<string> References(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(m =>
            m.NameEquals("$ref") && m.Value.ValueKind == JsonValueKind.String ? [m.Value.GetString()!] : References(m.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(References),
        _ => [],
    };
}
