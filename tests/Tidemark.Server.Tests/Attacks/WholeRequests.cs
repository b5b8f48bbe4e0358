namespace Tidemark.Server.Tests.Attacks;

/// <summary>A request of every endpoint, with every name and value that it takes.</summary>
internal static class WholeRequests
{
    // Models are looked at by a test of their own: their names become names in the store. The other two take nothing.
    public static readonly string[] Without = ["GET /sync/model", "PUT /sync/model", "GET /health/live", "GET /health/ready", "OPTIONS /blobs", "GET /devices", "GET /admin/users", "GET /admin/dead-letters", "GET /admin/retention", "GET /admin/spaces", "GET /health/completeness"];

    public static IReadOnlyList<WholeRequest> All { get; } =
    [
        new("POST", "/sync/push", "", """
            {"protocol":1,"deviceId":"one","storeId":"file","pushSeq":##,"epoch":null,"modelHash":null,"syncOperationId":null,"space":null,"commands":[
              {"id":"018f0000-0000-7000-9001-####","entityType":"notes","operation":"CREATE","entityId":"018f0000-0000-7000-8001-####","payload":{"id":"018f0000-0000-7000-8001-####","title":"t","count":1,"ratio":0.5,"price":"1.50","photo":"AAEC","done":true,"at":"2026-01-01T00:00:00Z","details":{"a":["b"]},"any":{"t":"t","v":"x"}},"group":"g","occurredAt":"2026-01-01T00:00:00Z"},
              {"id":"018f0000-0000-7000-9002-####","entityType":"tags","operation":"CREATE","entityId":"018f0000-0000-7000-8002-####","payload":{"id":"018f0000-0000-7000-8002-####","note_id":"018f0000-0000-7000-8001-####","word":"w"},"refs":{"note_id":"018f0000-0000-7000-9001-####"},"group":"g","occurredAt":"2026-01-01T00:00:00Z"},
              {"id":"018f0000-0000-7000-9003-####","entityType":"notes","operation":"REKEY","entityId":"018f0000-0000-7000-8001-####","newEntityId":"018f0000-0000-7000-8003-####","after":"018f0000-0000-7000-9001-####","before":{"title":"t"},"stamps":{"title":"s"},"occurredAt":"2026-01-01T00:00:00Z"},
              {"id":"018f0000-0000-7000-9004-####","entityType":"tags","operation":"DELETE","entityId":"018f0000-0000-7000-8002-####","baseVersion":5,"occurredAt":"2026-01-01T00:00:00Z"}]}
            """, "Tidemark-Lease:none"),
        new("POST", "/sync/push", "", """{"protocol":1,"deviceId":"one","storeId":"file","pushSeq":##,"epoch":"e","floor":{"position":1,"token":"t"},"lost":{"018f0000-0000-7000-9001-####":{"notes":{"1":"018f0000-0000-7000-9001-####"}}},"modelHash":"h","syncOperationId":"x","space":"u:eve","commands":[]}"""),
        new("GET", "/sync/changes", "space=u:eve&cursor=&deviceId=one&limit=10&entityTypes=notes", null, "Tidemark-Lease:none"),
        new("POST", "/sync/changes", "", """{"space":"u:eve","cursor":null,"deviceId":"one","limit":10,"entityTypes":["notes"],"cursors":{},"marks":[]}"""),
        new("POST", "/sync/changes", "", """{"cursors":{"notes":"c"},"marks":[{"position":1,"token":"t"}]}"""),
        new("POST", "/sync/verdicts", "", """{"space":"u:eve","commandIds":["018f0000-0000-7000-9001-####"]}"""),
        new("POST", "/sync/rows", "", """{"space":"u:eve","entityType":"notes","entityIds":["018f0000-0000-7000-8001-####"]}"""),
        new("POST", "/sync/checksums", "", """{"space":"u:eve","entityTypes":["notes"],"rangeBits":4,"within":[1]}"""),
        new("GET", "/sync/live", "space=u:eve&deviceId=one"),
        new("POST", "/sync/lease", "", """{"deviceId":"one"}"""),
        new("PUT", "/sync/lease/{id}", "", "{}"),
        new("DELETE", "/sync/lease/{id}"),
        new("GET", "/spaces", "left=true"),
        new("POST", "/spaces", "", """{"space":"s:018f0000-0000-7000-8001-####","name":"n"}"""),
        new("GET", "/spaces/members", "space=u:eve"),
        new("PUT", "/spaces/members", "", """{"space":"u:eve","user":"ann","role":"owner"}"""),
        new("DELETE", "/spaces/members", "space=u:eve&user=ann"),
        new("GET", "/spaces/invitations", "space=u:eve"),
        new("POST", "/spaces/invitations", "", """{"space":"u:eve","role":"reader","expiresInMs":60000}"""),
        new("DELETE", "/spaces/invitations", "space=u:eve&id=one"),
        new("POST", "/spaces/join", "", """{"token":"t"}"""),
        new("POST", "/spaces/leave", "", """{"space":"s:018f0000-0000-7000-8001-####"}"""),
        new("GET", "/spaces/snapshot/manifest", "space=u:eve"),
        new("GET", "/spaces/snapshot", "space=u:eve"),
        new("GET", "/catalog/{name}/manifest"),
        new("GET", "/catalog/{name}/snapshot"),
        new("POST", "/auth/refresh", "", """{"refreshToken":"t"}"""),
        new("POST", "/auth/revoke", "", """{"all":false}"""),
        new("POST", "/devices", "", """{"deviceId":"one","name":"n"}"""),
        new("DELETE", "/devices/{id}"),
        new("PUT", "/devices/{id}/dead-letters", "", """{"storeId":"file","deadLetters":[{"entityType":"notes","code":"UNIQUE","count":1,"oldest":"2026-01-01T00:00:00Z"}]}"""),
        new("GET", "/admin/users/{user}/devices"),
        new("GET", "/admin/users/{user}/dead-letters"),
        new("DELETE", "/admin/users/{user}/devices/{id}"),
        new("DELETE", "/admin/users/{user}/tokens"),
        new("POST", "/admin/compactions", "", "{}"),
        new("POST", "/health/samples:batchUpsert", "", """
            {"deviceId":"one","syncOperationId":"x","samples":[
              {"id":"018f0000-0000-8000-8001-####","version":0,"kind":"quantity","type":"StepCount","start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:01:00Z","value":5,"unit":"count","origin":{"source":"Watch"},"metadata":{"a":"b"}}],
             "deletes":[{"id":"018f0000-0000-8000-8002-####","type":"StepCount","version":0}]}
            """),
        new("GET", "/health/samples", "type=StepCount&from=2026-01-01&to=2026-02-01&after=&limit=5"),
        new("GET", "/health/aggregates", "type=StepCount&from=2026-01-01&to=2026-02-01&zone=Europe/Berlin&sources=Watch"),
        new("GET", "/health/digests", "type=StepCount&from=2026-01-01&to=2026-02-01"),
        new("POST", "/blobs", "", null, "Tus-Resumable:1.0.0", "Upload-Length:5", "Upload-Metadata:sha256 YQ=="),
        new("HEAD", "/blobs/uploads/{id}", "", null, "Tus-Resumable:1.0.0"),
        new("PATCH", "/blobs/uploads/{id}", "", null, "Content-Type:application/offset+octet-stream", "Tus-Resumable:1.0.0", "Upload-Offset:0", "Upload-Checksum:sha256 YQ=="),
        new("DELETE", "/blobs/uploads/{id}", "", null, "Tus-Resumable:1.0.0"),
        new("GET", "/blobs/{sha256}"),
        new("HEAD", "/blobs/{sha256}"),
    ];
}
