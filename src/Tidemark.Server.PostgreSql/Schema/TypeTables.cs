using Tidemark.Model.Entities;
using Tidemark.Server.PostgreSql.Columns;

namespace Tidemark.Server.PostgreSql.Schema;

/// <summary>The tables of one entity type: live rows, tombstones, notes of other programs' writes, and their triggers. Every name is spelled here once.</summary>
internal sealed class TypeTables
{
    private readonly string _schema;

    public TypeTables(string schema, EntityType type)
    {
        _schema = schema;
        Type = type;
        Columns = [.. type.Fields.Select(f => new ColumnForm(f))];
        Keys = [.. type.KeyOrdinals.Select(o => Columns[o])];
        Live = $"{schema}.{PgName.Quote(type.Name)}";
        Gone = $"{schema}.{PgName.Quote("_tm_gone_" + type.Name)}";
        Notes = $"{schema}.{PgName.Quote("_tm_note_" + type.Name)}";
    }

    public string Schema => _schema;

    public EntityType Type { get; }

    public IReadOnlyList<ColumnForm> Columns { get; }

    public IReadOnlyList<ColumnForm> Keys { get; }

    public string Live { get; }

    public string Gone { get; }

    public string Notes { get; }

    /// <summary>The function that settles the type's notes of a transaction.</summary>
    private string SettleName => PgName.Fit("_tm_settle_" + Type.Name);

    private string NoteFunction => $"{_schema}.{PgName.Quote("_tm_note_" + Type.Name)}";

    /// <summary>The keys of live rows as they are compared.</summary>
    public IEnumerable<string> FoldedKeys(string? alias = null) => Keys.Select(k => k.Folded(_schema, Of(alias, k.Name)));

    /// <summary>The keys of tombstones as they are compared; their columns are k0, k1, ...</summary>
    public IEnumerable<string> FoldedGoneKeys(string? alias = null) => Keys.Select((k, i) => k.Folded(_schema, Of(alias, "k" + i)));

    /// <summary>A sent key part as it is compared.</summary>
    public string FoldedSent(int part, string expression) => Keys[part].Folded(_schema, Keys[part].Received(expression));

    public string FoldedColumn(int ordinal, string expression) => Columns[ordinal].Folded(_schema, expression);

    public IEnumerable<string> CreateStatements()
    {
        var keys = string.Join(", ", Keys.Select((k, i) => $"k{i} {k.Definition(isGone: true)}"));
        yield return $"CREATE TABLE {Live}(space_id text COLLATE \"C\" NOT NULL, {string.Join(", ", Columns.Select(ColumnDefinition))}, _tm_version bigint NOT NULL DEFAULT 0, _tm_device text COLLATE \"C\", _tm_command uuid, _tm_offered bigint, _tm_made_by uuid{PrimaryKey(Keys.Select(k => k.Name))})";
        yield return $"CREATE TABLE {Gone}(space_id text COLLATE \"C\" NOT NULL, {keys}, position bigint NOT NULL, device text COLLATE \"C\", command uuid, offered bigint, made_by uuid{PrimaryKey(Keys.Select((_, i) => "k" + i))})";

        // Without statistics of the spaces a new or a grown one is never believed to be empty.
        yield return $"ALTER TABLE {Live} ALTER COLUMN space_id SET STATISTICS 0";
        yield return $"ALTER TABLE {Gone} ALTER COLUMN space_id SET STATISTICS 0";
        var noted = string.Join(", ", Keys.Select((k, i) => $"k{i} {k.SqlType}[]{(k.IsText ? " COLLATE \"C\"" : "")} NOT NULL"));
        yield return $"CREATE UNLOGGED TABLE {Notes}(space_id text COLLATE \"C\" NOT NULL, tx xid8 NOT NULL, lived boolean NOT NULL, lives boolean NOT NULL, {noted}, made_by uuid[])";
        yield return $"CREATE INDEX {PgName.Quote("_tm_note_tx_" + Type.Name)} ON {Notes}(space_id, tx)";
        if (Keys.Any(k => k.IsFolded))
        {
            yield return $"CREATE UNIQUE INDEX {PgName.Quote("_tm_key_" + Type.Name)} ON {Live}(space_id, {string.Join(", ", FoldedKeys().Select(Parenthesized))})";
            yield return $"CREATE UNIQUE INDEX {PgName.Quote("_tm_gone_key_" + Type.Name)} ON {Gone}(space_id, {string.Join(", ", FoldedGoneKeys().Select(Parenthesized))})";
        }

        yield return $"CREATE INDEX {PgName.Quote("_tm_version_" + Type.Name)} ON {Live}(space_id, _tm_version, {string.Join(", ", FoldedKeys().Select(Parenthesized))})";
        yield return $"CREATE INDEX {PgName.Quote("_tm_gone_position_" + Type.Name)} ON {Gone}(space_id, position, {string.Join(", ", FoldedGoneKeys().Select(Parenthesized))})";
    }

    /// <summary>New fields: nullable columns without a default change no row.</summary>
    public IEnumerable<string> GrowStatements(EntityType former)
    {
        for (var i = 0; i < Columns.Count; i++)
        {
            var field = Type.Fields[i];
            var ordinal = former.FindOrdinal(field.Name);
            if (ordinal < 0)
            {
                yield return $"ALTER TABLE {Live} ADD COLUMN {ColumnDefinition(Columns[i])}";
            }
            else if (field.Nullable && !former.Fields[ordinal].Nullable)
            {
                yield return $"ALTER TABLE {Live} ALTER COLUMN {Columns[i].Name} DROP NOT NULL";
            }
        }
    }

    /// <summary>Indexes for unique values and references, by name; unique values are decided at a group's end, so none is UNIQUE.</summary>
    public IEnumerable<(string Name, string Definition)> Indexes()
    {
        var sets = Type.UniqueKeys.Select(u => u.Fields).Concat(Type.Relations.Select(r => r.Fields))
            .Where(f => !Type.Key.Take(f.Count).SequenceEqual(f, StringComparer.Ordinal))
            .DistinctBy(f => string.Join('\0', f), StringComparer.Ordinal);
        foreach (var fields in sets)
        {
            var name = PgName.Fit("_tm_by_" + Type.Name + "_" + string.Join('_', fields));
            var columns = fields.Select(f => Type.OrdinalOf(f)).Select(o => Parenthesized(FoldedColumn(o, Columns[o].Name)));
            yield return (name, $"{PgName.Quote(name)} ON {Live}(space_id, {string.Join(", ", columns)})");
        }
    }

    /// <summary>Triggers that note keys, statement by statement, and the function that settles them at the commit.</summary>
    public IEnumerable<string> CaptureStatements()
    {
        yield return NoteFunctionStatement();
        yield return SettleFunctionStatement();
        const string own = $"WHEN (current_setting('{CaptureTables.OwnWrites}', true) IS DISTINCT FROM 'on')";
        foreach (var (what, tables) in new[] { ("INSERT", "NEW TABLE AS tm_new"), ("UPDATE", "OLD TABLE AS tm_old NEW TABLE AS tm_new"), ("DELETE", "OLD TABLE AS tm_old") })
        {
            yield return $"CREATE OR REPLACE TRIGGER _tm_{what.ToLowerInvariant()} AFTER {what} ON {Live} REFERENCING {tables} FOR EACH STATEMENT {own} EXECUTE FUNCTION {NoteFunction}()";
        }

        yield return $"CREATE OR REPLACE TRIGGER _tm_truncate BEFORE TRUNCATE ON {Live} FOR EACH STATEMENT EXECUTE FUNCTION {_schema}._tm_refuse_truncate()";
    }

    // The session keeps the plan of its first statement: made for one row, a loop within a loop would never end with a hundred thousand.
    // A line holds the keys of many rows: a statement that changes a hundred thousand leaves a handful of lines. Rows that were there before and still are need no
    // look at the tombstones.
    private string NoteFunctionStatement()
    {
        string Note(string from, bool lived, bool lives) =>
            $"""
                INSERT INTO {Notes}(space_id, tx, lived, lives, {Numbered("k{0}")}, made_by)
                  SELECT p.space_id, this_tx, {(lived ? "true" : "false")}, {(lives ? "true" : "false")}, {Numbered("array_agg(p.k{0})")}, {(lives ? "NULL" : "array_agg(p.made_by)")}
                  FROM (SELECT r.space_id, {string.Join(", ", Keys.Select((k, i) => $"r.{k.Name} AS k{i}"))}, r._tm_made_by AS made_by, row_number() OVER () / 100000 AS part FROM {from} r) p GROUP BY p.space_id, p.part;
            """;
        string Touch(string from) =>
            $"""
                INSERT INTO {_schema}._tm_touched(space_id, tx, type, settle) SELECT DISTINCT r.space_id, this_tx, {PgName.Literal(Type.Name)}, {PgName.Literal(SettleName)} FROM {from} r ON CONFLICT DO NOTHING;
            """;
        var same = Match(FoldedKeys("n"), FoldedKeys("o"));
        return $"""
            CREATE OR REPLACE FUNCTION {NoteFunction}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
            DECLARE this_tx CONSTANT xid8 := pg_current_xact_id();
            BEGIN
              IF TG_OP = 'INSERT' THEN
            {Note("tm_new", lived: false, lives: true)}
            {Touch("tm_new")}
              ELSIF TG_OP = 'DELETE' THEN
            {Note("tm_old", lived: true, lives: false)}
            {Touch("tm_old")}
              ELSIF EXISTS (SELECT 1 FROM tm_old o WHERE NOT EXISTS (SELECT 1 FROM tm_new n WHERE n.space_id = o.space_id AND {same})) THEN
            {Note("tm_old", lived: true, lives: false)}
            {Note("tm_new", lived: false, lives: true)}
            {Touch("tm_old")}
            {Touch("tm_new")}
              ELSE
            {Note("tm_new", lived: true, lives: true)}
            {Touch("tm_new")}
              END IF;
              RETURN NULL;
            END $$
            """;
    }

    private string SettleFunctionStatement()
    {
        var goneKeys = Numbered("k{0}");
        var here = Match(FoldedKeys("t"), FoldedGoneKeys("n"));
        string Noted(string also, string extra = "") =>
            $"(SELECT u.* FROM {Notes} l CROSS JOIN LATERAL unnest({Numbered("l.k{0}")}{(extra.Length > 0 ? ", l.made_by" : "")}) AS u({goneKeys}{extra}) WHERE l.space_id = in_space AND l.tx = in_tx{also})";
        var counted = Type.Identity == IdentityModel.ServerAssigned && Keys is [{ SqlType: "bigint" }]
            ? $"""
              INSERT INTO {_schema}._tm_counter AS c (space_id, type, last, forgotten) SELECT in_space, {PgName.Literal(Type.Name)}, max(n.k0), 0 FROM {Noted(" AND NOT l.lived")} n WHERE n.k0 > 0 HAVING max(n.k0) IS NOT NULL
                ON CONFLICT (space_id, type) DO UPDATE SET last = greatest(c.last, excluded.last);
            """
            : "";
        return $"""
            CREATE OR REPLACE FUNCTION {_schema}.{PgName.Quote(SettleName)}(in_space text, in_tx xid8, in_position bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
            BEGIN
              UPDATE {Live} t SET _tm_version = in_position, _tm_device = NULL, _tm_command = NULL, _tm_offered = NULL
                FROM {Noted(" AND l.lives")} n WHERE t.space_id = in_space AND {here};
              INSERT INTO {Gone} AS g (space_id, {goneKeys}, position, made_by)
                SELECT DISTINCT ON ({string.Join(", ", FoldedGoneKeys("n"))}) in_space, {Numbered("n.k{0}")}, in_position, n.made_by FROM {Noted(" AND NOT l.lives", ", made_by")} n
                  WHERE NOT EXISTS (SELECT 1 FROM {Live} t WHERE t.space_id = in_space AND {here}) ORDER BY {string.Join(", ", FoldedGoneKeys("n"))}, n.made_by NULLS LAST
                ON CONFLICT (space_id, {string.Join(", ", FoldedGoneKeys().Select(Parenthesized))}) DO UPDATE SET position = excluded.position, device = NULL, command = NULL, offered = NULL, made_by = coalesce(excluded.made_by, g.made_by);
              DELETE FROM {Gone} g USING {Noted(" AND NOT l.lived")} n WHERE g.space_id = in_space AND {Match(FoldedGoneKeys("g"), FoldedGoneKeys("n"))}
                AND EXISTS (SELECT 1 FROM {Live} t WHERE t.space_id = in_space AND {here});
              {counted}
              DELETE FROM {Notes} WHERE space_id = in_space AND tx = in_tx;
            END $$
            """;
    }

    private string ColumnDefinition(ColumnForm column) =>
        $"{column.Name} {column.Definition(isGone: false)}{(column.Check is { } check ? $" CHECK ({check})" : "")}";

    // An expression cannot be a primary key; a unique index does as well.
    private string PrimaryKey(IEnumerable<string> columns) => Keys.Any(k => k.IsFolded) ? "" : $", PRIMARY KEY (space_id, {string.Join(", ", columns)})";

    private string Numbered(string pattern) =>
        string.Join(", ", Enumerable.Range(0, Keys.Count).Select(i => string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, i)));

    public static string Match(IEnumerable<string> left, IEnumerable<string> right) => string.Join(" AND ", left.Zip(right, (l, r) => $"{l} = {r}"));

    private static string Of(string? alias, string name) => alias is null ? name : alias + "." + name;

    public static string Parenthesized(string expression) => expression.Contains('(', StringComparison.Ordinal) ? "(" + expression + ")" : expression;
}
