namespace Tidemark.Testing;

/// <summary>A folder of one test that is gone after it.</summary>
public sealed class TempFolder : IDisposable
{
    public TempFolder()
    {
        SystemSqlite.Use();
        Path = Directory.CreateTempSubdirectory("tidemark-test-").FullName;
    }

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A process of the test still holds a file; the system's temporary folder is cleaned anyway.
        }
        catch (UnauthorizedAccessException)
        {
            // A test took the permissions away and ended before it gave them back.
        }
    }
}
