using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Data.Sqlite;

namespace Tidemark.Torture;

/// <summary>One real server process and devices with real files; edits that are remembered, and what must hold when all is quiet.</summary>
internal sealed class Town : IDisposable
{
    private const int RoundsMax = 20;
    private const string Schema = """
        CREATE TABLE folders(id INTEGER PRIMARY KEY, made TEXT NOT NULL, name TEXT);
        CREATE TABLE notes(id INTEGER PRIMARY KEY, made TEXT NOT NULL, folder_id INTEGER NOT NULL REFERENCES folders(id) ON DELETE CASCADE, text TEXT, size INTEGER);
        CREATE TABLE tags(id TEXT PRIMARY KEY NOT NULL, made TEXT NOT NULL, note_id INTEGER REFERENCES notes(id) ON DELETE SET NULL, label TEXT);
        INSERT INTO folders VALUES(1, 'f1', 'inbox'), (2, 'f2', 'old');
        INSERT INTO notes VALUES(1, 'n1', 1, 'first', 1);
        """;

    private static readonly string[] Tables = ["folders", "notes", "tags"];
    private readonly Random _random;
    private readonly HashSet<string> _made = new(StringComparer.Ordinal) { "f1", "f2", "n1" };
    private readonly HashSet<string> _deleted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _folders = new(StringComparer.Ordinal); // in which every note has ever been
    private readonly int _port;
    private string _token = "";
    private int _number;

    public Town(int seed, int devices)
    {
        _random = new Random(seed);
        Folder = Directory.CreateTempSubdirectory("tidemark-torture-").FullName;
        Data = Path.Combine(Folder, "server");
        _port = FreePort();
        Devices = [.. Enumerable.Range(0, devices).Select(i => Path.Combine(Folder, $"{(char)('a' + i)}.db"))];
    }

    public string Folder { get; }

    /// <summary>The server's folder.</summary>
    public string Data { get; }

    public IReadOnlyList<string> Devices { get; }

    public Random Random => _random;

    public Running? Server { get; private set; }

    public string ServerAddress => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_port}");

    public int ServerPort => _port;

    public int Edits { get; private set; }

    /// <summary>Adopts the first device, syncs it, clones the others.</summary>
    public void Settle()
    {
        StartServer();
        _token = Checked(Commands.Run("token", "--data", Data, "--user", "ada")).Output.Trim();
        using (var db = Open(Devices[0]))
        {
            Execute(db, "PRAGMA journal_mode=WAL");
            Execute(db, Schema);
        }

        Checked(Commands.Run("adopt", Devices[0], "--out", Path.Combine(Folder, "model.json")));
        Checked(Sync(Devices[0]));
        foreach (var device in Devices.Skip(1))
        {
            Checked(Commands.Run("clone", device, "--server", ServerAddress, "--token", _token));
        }
    }

    public void StartServer(params IReadOnlyList<string> before)
    {
        Server?.Dispose();
        Server = Commands.Start(["serve", "--dev", "--urls", ServerAddress, "--data", Data], before);
        Server.Line("http://", mayEnd: before.Count > 0);
    }

    public Running StartSync(string device, string? server = null, params IReadOnlyList<string> before) =>
        Commands.Start(["sync", device, "--json", "--server", server ?? ServerAddress, "--token", _token], before);

    public Ended Sync(string device)
    {
        using var running = StartSync(device);
        return running.Wait();
    }

    /// <summary>A few edits as an app makes them, each remembered once it is committed.</summary>
    public void Edit(string device, int count)
    {
        using var db = Open(device);
        for (var i = 0; i < count; i++)
        {
            var marker = string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileNameWithoutExtension(device)}{++_number}");
            using var transaction = db.BeginTransaction(deferred: false);
            var gone = new List<string>();
            var made = Change(db, marker, gone);
            var places = new List<string>();
            Read(db, "SELECT n.made, f.made FROM notes n JOIN folders f ON f.id = n.folder_id", places);
            transaction.Commit();
            Edits++;
            foreach (var place in places)
            {
                var (note, folder) = (place[..place.IndexOf('|', StringComparison.Ordinal)], place[(place.IndexOf('|', StringComparison.Ordinal) + 1)..]);
                (_folders.TryGetValue(note, out var folders) ? folders : _folders[note] = []).Add(folder);
            }

            _deleted.UnionWith(gone);
            if (made)
            {
                _made.Add(marker);
            }
        }
    }

    /// <summary>Syncs all in turn until nothing moves, then compares everything with everything.</summary>
    public void MustBeWell()
    {
        var moved = true;
        for (var round = 0; moved; round++)
        {
            if (round == RoundsMax)
            {
                throw new TortureException($"Still moving after {RoundsMax} rounds.");
            }

            moved = false;
            foreach (var device in Devices)
            {
                var report = Checked(Sync(device)).Json;
                moved |= report.GetProperty("pushed").GetInt64() + report.GetProperty("pulled").GetInt64() + report.GetProperty("conflicts").GetInt64() > 0;
                if (!moved && report.GetProperty("pending").GetInt64() > 0)
                {
                    throw new TortureException($"{device}: {report.GetProperty("pending")} edits wait and nothing moves: {report} {Commands.Run("outbox", device).Output}");
                }
            }
        }

        var first = Contents(Devices[0]);
        foreach (var device in Devices)
        {
            CheckFile(device);
            var rows = Contents(device);
            if (!rows.SequenceEqual(first))
            {
                throw new TortureException($"{device} differs from {Devices[0]}: only here {string.Join(" ; ", rows.Except(first).Take(5))}; only there {string.Join(" ; ", first.Except(rows).Take(5))}");
            }
        }

        CheckMarkers(Devices[0]);
        var verify = Commands.Run("verify", Devices[0], "--json", "--server", ServerAddress, "--token", _token);
        if (verify.ExitCode != 0)
        {
            throw new TortureException("verify: " + verify.Output + verify.Errors);
        }
    }

    public void Dispose()
    {
        Server?.Dispose();
        if (Environment.GetEnvironmentVariable("TIDEMARK_KEEP") is null)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }

    private static Ended Checked(Ended ended) =>
        ended.ExitCode is 0 or 3 ? ended : throw new TortureException($"exit code {ended.ExitCode}: {ended.Output}{ended.Errors}");

    private bool Change(SqliteConnection db, string marker, List<string> gone)
    {
        var dice = _random.Next(100);
        switch (dice)
        {
            case < 25:
                Execute(db, "INSERT INTO notes(made, folder_id, text, size) SELECT $m, id, $t, $n FROM folders ORDER BY random() LIMIT 1", marker, Text());
                return Scalar(db, "SELECT count(*) FROM notes WHERE made = $m", marker) > 0;
            case < 40:
                Execute(db, "INSERT INTO tags(id, made, note_id, label) VALUES($m, $m, (SELECT id FROM notes ORDER BY random() LIMIT 1), $t)", marker, Text());
                return true;
            case < 47:
                Execute(db, "INSERT INTO folders(made, name) VALUES($m, $t)", marker, Text());
                return true;
            case < 65:
                Execute(db, "UPDATE notes SET text = $t WHERE id = (SELECT id FROM notes ORDER BY random() LIMIT 1)", marker, Text());
                return false;
            case < 75:
                Execute(db, "UPDATE notes SET size = $n WHERE id = (SELECT id FROM notes ORDER BY random() LIMIT 1)", marker, Text());
                return false;
            case < 83:
                Execute(db, "UPDATE notes SET folder_id = (SELECT id FROM folders ORDER BY random() LIMIT 1) WHERE id = (SELECT id FROM notes ORDER BY random() LIMIT 1)", marker, Text());
                return false;
            case < 90:
                Delete(db, "tags", "id = (SELECT id FROM tags ORDER BY random() LIMIT 1)", gone);
                return false;
            case < 98:
                Delete(db, "notes", "id = (SELECT id FROM notes ORDER BY random() LIMIT 1)", gone);
                return false;
            default:
                var folder = Scalar(db, "SELECT id FROM folders ORDER BY random() LIMIT 1", "");
                Read(db, string.Create(CultureInfo.InvariantCulture, $"SELECT made FROM notes WHERE folder_id = {folder}"), gone);
                Delete(db, "folders", string.Create(CultureInfo.InvariantCulture, $"id = {folder}"), gone);
                return false;
        }
    }

    private string Text() => new((char)('a' + _random.Next(26)), _random.Next(1, 300));

    private static void Delete(SqliteConnection db, string table, string where, List<string> gone)
    {
        var made = new List<string>();
        Read(db, $"SELECT made FROM {table} WHERE {where}", made);
        foreach (var marker in made)
        {
            Execute(db, $"DELETE FROM {table} WHERE made = $m", marker);
        }

        gone.AddRange(made);
    }

    // Rows that nobody deleted are there once; rows that somebody deleted, or that were in a folder that somebody deleted, at most once.
    private void CheckMarkers(string device)
    {
        using var db = Open(device);
        var there = new List<string>();
        foreach (var table in Tables)
        {
            Read(db, $"SELECT made FROM {table}", there);
        }

        var twice = there.GroupBy(m => m, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key).ToList();
        var lost = _made.Except(_deleted).Except(there).Where(m => !_folders.TryGetValue(m, out var folders) || !folders.Overlaps(_deleted)).ToList();
        if (twice.Count > 0 || lost.Count > 0)
        {
            throw new TortureException($"lost: {string.Join(", ", lost)}; twice: {string.Join(", ", twice)}");
        }
    }

    private static void CheckFile(string device)
    {
        using var db = Open(device);
        var problems = new List<string>();
        Read(db, "PRAGMA integrity_check", problems);
        Read(db, "SELECT \"table\" || ' ' || rowid FROM pragma_foreign_key_check", problems);
        if (problems is not ["ok"])
        {
            throw new TortureException($"{device}: {string.Join("; ", problems)}");
        }

        var doctor = Commands.Run("doctor", device, "--json");
        if (doctor.ExitCode is not (0 or 3))
        {
            throw new TortureException($"{device}: doctor: {doctor.Output}{doctor.Errors}");
        }
    }

    private static List<string> Contents(string device)
    {
        using var db = Open(device);
        var rows = new List<string>();
        Read(db, "SELECT 'folders', quote(id), quote(made), quote(name) FROM folders ORDER BY id", rows);
        Read(db, "SELECT 'notes', quote(id), quote(made), quote(folder_id), quote(text), quote(size) FROM notes ORDER BY id", rows);
        Read(db, "SELECT 'tags', quote(id), quote(made), quote(note_id), quote(label) FROM tags ORDER BY id", rows);
        return rows;
    }

    private static SqliteConnection Open(string path)
    {
        var db = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = 60 }.ToString());
        db.Open();
        Execute(db, "PRAGMA busy_timeout=60000; PRAGMA foreign_keys=ON");
        return db;
    }

    private static void Execute(SqliteConnection db, string sql, string marker = "", string text = "")
    {
        using var command = Command(db, sql, marker, text);
        command.ExecuteNonQuery();
    }

    private static long Scalar(SqliteConnection db, string sql, string marker)
    {
        using var command = Command(db, sql, marker, "");
        return command.ExecuteScalar() is long number ? number : 0;
    }

    private static void Read(SqliteConnection db, string sql, List<string> rows)
    {
        using var command = Command(db, sql, "", "");
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetValue(i).ToString())));
        }
    }

    private static SqliteCommand Command(SqliteConnection db, string sql, string marker, string text)
    {
        var command = db.CreateCommand();
        command.CommandText = sql;
        command.Parameters.AddWithValue("$m", marker);
        command.Parameters.AddWithValue("$t", text);
        command.Parameters.AddWithValue("$n", text.Length);
        return command;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
