namespace Tidemark.Health.Importing;

/// <summary>What sort of export a sample came from. What is not in an export was deleted only among those of its own sort. The numbers are in the file.</summary>
internal enum ExportKind
{
    AppleHealth = 0,
    HealthConnect = 1,
}
