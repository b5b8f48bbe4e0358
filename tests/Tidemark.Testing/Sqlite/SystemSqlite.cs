namespace Tidemark.Testing;

/// <summary>Loads the system's SQLite once per process; see eng/SystemSqlite.cs.</summary>
public static class SystemSqlite
{
    public static void Use() => Hosting.SystemSqlite.Use();
}
