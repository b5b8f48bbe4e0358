using Tidemark.Cli.Running;
using Tidemark.Model.Entities;

namespace Tidemark.Cli.Models;

/// <summary>Reads a model file as a verb's argument.</summary>
internal static class ModelFile
{
    /// <exception cref="ModelException">The file is no model, or one with faults.</exception>
    public static async Task<SyncModel> ReadAsync(string path, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            throw VerbException.Failed("NOT_FOUND", $"There is no file {path}.");
        }

        return SyncModelJson.Parse(await File.ReadAllBytesAsync(path, cancellationToken));
    }
}
