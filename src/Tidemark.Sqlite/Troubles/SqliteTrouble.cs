using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Tidemark.Sqlite;

/// <summary>The one place that knows SQLite's result codes.</summary>
public static class SqliteTrouble
{
    private const int ConstraintCheck = 275;
    private const int ConstraintForeignKey = 787;
    private const int ConstraintNotNull = 1299;
    private const int ConstraintPrimaryKey = 1555;
    private const int ConstraintTrigger = 1811;
    private const int ConstraintUnique = 2067;
    private const int ConstraintRowId = 2579;
    private const int ConstraintDataType = 3091;

    /// <summary>The typed form of what the ADO.NET provider threw; the original is kept as the inner exception.</summary>
    public static StoreException From(SqliteException exception, string file)
    {
        ArgumentNullException.ThrowIfNull(exception);
        var code = exception.SqliteExtendedErrorCode != 0 ? exception.SqliteExtendedErrorCode : exception.SqliteErrorCode;
        return Make(code, exception.Message, file, exception);
    }

    /// <summary>The typed form of a result code of the raw API on this handle.</summary>
    public static StoreException From(sqlite3 db, int resultCode, string? sql = null)
    {
        var extended = raw.sqlite3_extended_errcode(db);
        var code = (extended & 0xFF) == (resultCode & 0xFF) ? extended : resultCode;
        var said = raw.sqlite3_errmsg(db).utf8_to_string() ?? raw.sqlite3_errstr(resultCode).utf8_to_string();
        var file = FileOf(db);
        return Make(code, sql is null ? said : $"{said} (in: {Shortened(sql)})", file, null);
    }

    /// <summary>Throws when the result code is not OK, ROW or DONE.</summary>
    public static void Check(sqlite3 db, int resultCode, string? sql = null)
    {
        if (resultCode is not (raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE))
        {
            throw From(db, resultCode, sql);
        }
    }

    /// <summary>Runs a piece of ADO.NET work; what it throws of SQLite arrives typed.</summary>
    public static T Guard<T>(string file, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        try
        {
            return work();
        }
        catch (SqliteException e)
        {
            throw From(e, file);
        }
    }

    /// <summary>What a result code, plain or extended, means.</summary>
    public static StoreTrouble TroubleOf(int resultCode) => (resultCode & 0xFF) switch
    {
        raw.SQLITE_NOTADB => StoreTrouble.NotADatabase,
        raw.SQLITE_CORRUPT => StoreTrouble.Damaged,
        raw.SQLITE_READONLY => StoreTrouble.ReadOnly,
        raw.SQLITE_FULL => StoreTrouble.Full,
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED => StoreTrouble.Busy,
        raw.SQLITE_IOERR => StoreTrouble.IoError,
        raw.SQLITE_CANTOPEN or raw.SQLITE_PERM => StoreTrouble.CannotOpen,
        raw.SQLITE_SCHEMA => StoreTrouble.SchemaMismatch,
        raw.SQLITE_MISMATCH => StoreTrouble.ConstraintCheck,
        raw.SQLITE_CONSTRAINT => resultCode switch
        {
            ConstraintUnique or ConstraintPrimaryKey or ConstraintRowId => StoreTrouble.ConstraintUnique,
            ConstraintNotNull => StoreTrouble.ConstraintNotNull,
            ConstraintForeignKey => StoreTrouble.ConstraintForeignKey,
            ConstraintCheck or ConstraintTrigger or ConstraintDataType => StoreTrouble.ConstraintCheck,
            _ => StoreTrouble.ConstraintCheck,
        },
        _ => StoreTrouble.Other,
    };

    internal static string FileOf(sqlite3 db)
    {
        var name = raw.sqlite3_db_filename(db, "main").utf8_to_string();
        return string.IsNullOrEmpty(name) ? "(in memory)" : name;
    }

    private static StoreException Make(int code, string said, string file, Exception? inner)
    {
        var trouble = TroubleOf(code);
        return new StoreException(trouble, $"{file}: {WhatAndCure(trouble)} SQLite says: {said}", inner, code);
    }

    private static string WhatAndCure(StoreTrouble trouble) => trouble switch
    {
        StoreTrouble.NotADatabase => "This is not an SQLite database (or it is encrypted). Check the path; a file that was a database can be restored from a backup or cloned anew with `tidemark clone`.",
        StoreTrouble.Damaged => "The database is damaged. Keep a copy, then run `tidemark doctor`; it names the damaged tables and the way to save what is left.",
        StoreTrouble.ReadOnly => "The file or its folder cannot be written. Give this user write permission to the file and its folder (SQLite keeps its -wal and -shm files next to it).",
        StoreTrouble.Full => "The disk, or the database's own size limit, is full; the transaction was rolled back. Free some space, then try again.",
        StoreTrouble.Busy => "Another connection held the database's lock for longer than the busy timeout. Try again; a connection that writes should begin IMMEDIATE and end soon.",
        StoreTrouble.IoError => "Reading or writing the file failed. Check the disk and its mount, then run `tidemark doctor`.",
        StoreTrouble.CannotOpen => "The file cannot be opened. Check that the path and its folder exist and that this user may read and write them.",
        StoreTrouble.SchemaMismatch => "The tables changed while a statement ran. Try again.",
        StoreTrouble.ConstraintUnique => "Another row holds the same key or unique value; nothing was written. Choose another value.",
        StoreTrouble.ConstraintNotNull => "A column that may not be null has no value; nothing was written.",
        StoreTrouble.ConstraintCheck => "A rule of the table (CHECK, type or trigger) refused the row; nothing was written.",
        StoreTrouble.ConstraintForeignKey => "A referenced row is missing, or rows still refer to this one; nothing was written.",
        _ => "The statement failed.",
    };

    private static string Shortened(string sql) => sql.Length <= 200 ? sql : sql[..200] + " ...";
}
