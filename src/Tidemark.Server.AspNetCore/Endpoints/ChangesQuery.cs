using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Problems;

namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>The query of GET /sync/changes. Names it does not know are ignored, as in bodies.</summary>
internal static class ChangesQuery
{
    public const string Space = "space";
    public const string Cursor = "cursor";
    public const string DeviceId = "deviceId";
    public const string Limit = "limit";
    public const string EntityTypes = "entityTypes";

    public static ChangesRequest Read(IQueryCollection query) => new()
    {
        Space = One(query, Space),
        Cursor = One(query, Cursor),
        DeviceId = One(query, DeviceId),
        Limit = One(query, Limit) is { } limit ? Integer(limit) : null,
        EntityTypes = Types(query),
    };

    private static string? One(IQueryCollection query, string name)
    {
        var values = query[name];
        return values.Count > 1
            ? throw new RequestException(ErrorCodes.BadRequest, $"{name} stands in the query more than once.")
            : string.IsNullOrEmpty(values) ? null : values.ToString();
    }

    private static int Integer(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new RequestException(ErrorCodes.BadRequest, "limit must be an integer.");

    // A type whose name has a comma goes into the body of POST.
    private static string[]? Types(IQueryCollection query)
    {
        var names = query[EntityTypes].SelectMany(v => (v ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        return names.Length == 0 ? null : names;
    }
}
