using Microsoft.Data.Sqlite;
using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Workload;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Devices;

/// <summary>The app on a device: a connection that Tidemark knows nothing of, and what it sees.</summary>
internal sealed class AppFile : IDisposable
{
    private readonly RandomSchema _schema;
    private readonly SqliteConnection _connection;
    private readonly KeptStatements _statements;
    private DatabaseImage? _image;
    private long _imageVersion = -1;

    public AppFile(string path, RandomSchema schema, VirtualClock clock)
    {
        _schema = schema;
        _connection = SqliteFile.Open(path, new OpenOptions { BusyTimeout = TimeSpan.Zero });
        SqlClock.Install(_connection, clock);
        _statements = new KeptStatements(_connection);
    }

    /// <summary>All rows as the app sees them now.</summary>
    public DatabaseImage Read()
    {
        var version = Scalar("PRAGMA data_version").AsInteger;
        if (_image is null || version != _imageVersion)
        {
            _image = new DatabaseImage(_schema.Tables.ToDictionary(t => t.Name, t => (IReadOnlyList<Value[]>)Query(t.SelectAll), StringComparer.Ordinal));
            _imageVersion = version;
        }

        return _image;
    }

    /// <summary>Runs an edit in a transaction of its own; null when it failed, was given up or had nothing to do. Otherwise what has changed.</summary>
    public EditFacts? Edit(IReadOnlyList<IEdit> edits, Dice dice, bool rollBack, Func<string> nextWord)
    {
        var before = Read();
        var touch = BooksReader.LastTouch(this);
        var orphans = BooksReader.Orphans(this, _schema);
        Execute("BEGIN IMMEDIATE");
        var ran = false;
        try
        {
            foreach (var edit in edits)
            {
                ran |= edit.TryRun(new EditContext(_schema, before, dice, nextWord, Execute));
            }

            rollBack |= ran && MakesOrphans(orphans);
            Execute(rollBack || !ran ? "ROLLBACK" : "COMMIT");
        }
        catch (StoreException e) when (e.IsConstraint)
        {
            if (!_connection.IsAutocommit())
            {
                Execute("ROLLBACK");
            }

            return null;
        }

        if (rollBack || !ran)
        {
            return null;
        }

        return Seen(before, touch);
    }

    // SQLite counts deferred violations: a transaction that mends an optional reference that was left dangling may break
    // a required one in its place, and the count at its end is none. That is the app's edit, not the engine's.
    private bool MakesOrphans(Orphans before) =>
        before.Optional.Count > 0 && BooksReader.Orphans(this, _schema).Required.Count > before.Required.Count;

    /// <summary>What a transaction has changed, of whichever connection.</summary>
    /// <param name="before">The rows before it.</param>
    /// <param name="touch">The last note before it.</param>
    public EditFacts Seen(DatabaseImage before, long touch)
    {
        _image = null;
        var facts = EditFacts.Between(_schema, before, Read());
        return facts with
        {
            Replaced = [.. facts.Replaced, .. BooksReader.ReplacedAndMoved(this, _schema, before, facts, touch)],
            Uncaptured = BooksReader.Uncaptured(this, _schema, before, Read(), touch),
        };
    }

    public Value Scalar(string sql) => Query(sql) is [var row, ..] ? row[0] : Value.Null;

    public List<Value[]> Query(string sql) => _statements.Query(sql);

    public void Dispose()
    {
        _statements.Dispose();
        _connection.Dispose();
    }

    private void Execute(string sql, params Value[] values)
    {
        var statement = _statements.Get(sql);
        try
        {
            statement.BindAll(values).Execute();
        }
        finally
        {
            statement.Reset();
        }
    }
}
