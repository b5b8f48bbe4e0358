namespace Tidemark.Model.Entities;

/// <summary>The JSON Schema (draft 2020-12) to edit a model file by.</summary>
public static class SyncModelSchema
{
    private static readonly Lazy<string> Text = new(Read);

    public static string Json => Text.Value;

    private static string Read()
    {
        using var stream = typeof(SyncModelSchema).Assembly.GetManifestResourceStream("tidemark-model.schema.json")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
