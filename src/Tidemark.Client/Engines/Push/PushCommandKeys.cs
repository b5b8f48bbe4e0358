using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>What must be read back from frozen bytes.</summary>
internal static class PushCommandKeys
{
    /// <summary>The key a frozen REKEY starts from.</summary>
    public static EntityKey FormerKeyOf(EntityType type, byte[] payload)
    {
        using var document = JsonDocument.Parse(payload);
        return WireRow.ReadKey(type, document.RootElement.GetProperty("entityId"));
    }

    /// <summary>The command takes a value from another one.</summary>
    public static bool HasRefs(byte[] payload)
    {
        using var document = JsonDocument.Parse(payload);
        return document.RootElement.TryGetProperty("refs", out _);
    }
}
