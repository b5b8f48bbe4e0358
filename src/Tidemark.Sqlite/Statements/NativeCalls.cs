using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace Tidemark.Sqlite;

/// <summary>
/// The calls a statement is used with, straight into the library that the app's provider has loaded: the binding takes a safe handle and releases it
/// in every call, which costs as much as the call. Where that very library is not found again by name, everything goes through the binding.
/// </summary>
internal static unsafe class NativeCalls
{
    private static readonly string[] Names = ["e_sqlite3", "libsqlite3.so.0", "libsqlite3.dylib", "winsqlite3", "sqlite3"];
    private static readonly IntPtr Library = Find();

    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int> Step = (delegate* unmanaged[Cdecl]<IntPtr, int>)Export("sqlite3_step");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int> Reset = (delegate* unmanaged[Cdecl]<IntPtr, int>)Export("sqlite3_reset");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int> ClearBindings = (delegate* unmanaged[Cdecl]<IntPtr, int>)Export("sqlite3_clear_bindings");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int, int> BindNull = (delegate* unmanaged[Cdecl]<IntPtr, int, int>)Export("sqlite3_bind_null");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int, long, int> BindInt64 = (delegate* unmanaged[Cdecl]<IntPtr, int, long, int>)Export("sqlite3_bind_int64");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int, double, int> BindDouble = (delegate* unmanaged[Cdecl]<IntPtr, int, double, int>)Export("sqlite3_bind_double");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int, byte*, int, IntPtr, int> BindText = (delegate* unmanaged[Cdecl]<IntPtr, int, byte*, int, IntPtr, int>)Export("sqlite3_bind_text");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int, byte*, int, IntPtr, int> BindBlob = (delegate* unmanaged[Cdecl]<IntPtr, int, byte*, int, IntPtr, int>)Export("sqlite3_bind_blob");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int, int> ColumnType = (delegate* unmanaged[Cdecl]<IntPtr, int, int>)Export("sqlite3_column_type");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int, long> ColumnInt64 = (delegate* unmanaged[Cdecl]<IntPtr, int, long>)Export("sqlite3_column_int64");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int, double> ColumnDouble = (delegate* unmanaged[Cdecl]<IntPtr, int, double>)Export("sqlite3_column_double");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int, byte*> ColumnBlob = (delegate* unmanaged[Cdecl]<IntPtr, int, byte*>)Export("sqlite3_column_blob");
    public static readonly delegate* unmanaged[Cdecl]<IntPtr, int, int> ColumnBytes = (delegate* unmanaged[Cdecl]<IntPtr, int, int>)Export("sqlite3_column_bytes");

    /// <summary>SQLite copies what it is given before the call returns.</summary>
    public static readonly IntPtr Transient = -1;

    /// <summary>False: the binding has to be used.</summary>
    public static readonly bool AreFound = Library != IntPtr.Zero;

    // Another copy of SQLite in this process knows nothing of this one's handles: it is the same one when its version stands at the same address.
    private static IntPtr Find()
    {
        foreach (var name in Names)
        {
            if (!NativeLibrary.TryLoad(name, Assembly.GetExecutingAssembly(), null, out var library))
            {
                continue;
            }

            if (NativeLibrary.TryGetExport(library, "sqlite3_libversion", out var version) && IsTheBindings(((delegate* unmanaged[Cdecl]<byte*>)version)()))
            {
                return library; // Kept loaded for the life of the process, as the provider's own is.
            }

            NativeLibrary.Free(library);
        }

        return IntPtr.Zero;
    }

    private static bool IsTheBindings(byte* version)
    {
        var ours = raw.sqlite3_libversion();
        fixed (byte* known = ours)
        {
            return known == version;
        }
    }

    private static IntPtr Export(string name) => Library == IntPtr.Zero ? IntPtr.Zero : NativeLibrary.GetExport(Library, name);
}
