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
        yield return $"CREATE UNLOGGED TABLE {Notes}(space_id text COLLATE \"C\" NOT NULL, tx xid8 NOT NULL, {keys}, made_by uuid)";
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

    private string NoteFunctionStatement()
    {
        var goneKeys = Numbered("k{0}");
        string Note(string from) =>
            $"""
              INSERT INTO {Notes}(space_id, tx, {goneKeys}, made_by) SELECT r.space_id, this_tx, {string.Join(", ", Keys.Select(k => "r." + k.Name))}, r._tm_made_by FROM {from} r;
              INSERT INTO {_schema}._tm_touched(space_id, tx, type, settle) SELECT DISTINCT r.space_id, this_tx, {PgName.Literal(Type.Name)}, {PgName.Literal(SettleName)} FROM {from} r ON CONFLICT DO NOTHING;
            """;
        var moved = $"(SELECT o.* FROM tm_old o WHERE NOT EXISTS (SELECT 1 FROM tm_new n WHERE n.space_id = o.space_id AND {Match(FoldedKeys("n"), FoldedKeys("o"))}))";
        return $"""
            CREATE OR REPLACE FUNCTION {NoteFunction}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            DECLARE this_tx CONSTANT xid8 := pg_current_xact_id();
            BEGIN
              IF TG_OP = 'DELETE' THEN
              {Note("tm_old")}
              ELSE
              {Note("tm_new")}
              END IF;
              IF TG_OP = 'UPDATE' THEN
              {Note(moved)}
              END IF;
              RETURN NULL;
            END $$
            """;
    }

    private string SettleFunctionStatement()
    {
        var goneKeys = Numbered("k{0}");
        var noted = $"(SELECT DISTINCT {goneKeys} FROM {Notes} WHERE space_id = in_space AND tx = in_tx)";
        var here = Match(FoldedKeys("t"), FoldedGoneKeys("n"));
        var counted = Type.Identity == IdentityModel.ServerAssigned && Keys is [{ SqlType: "bigint" }]
            ? $"""
              INSERT INTO {_schema}._tm_counter(space_id, type, last, forgotten) SELECT in_space, {PgName.Literal(Type.Name)}, max(k0), 0 FROM {Notes} WHERE space_id = in_space AND tx = in_tx AND k0 > 0 HAVING max(k0) IS NOT NULL
                ON CONFLICT (space_id, type) DO UPDATE SET last = greatest({_schema}._tm_counter.last, excluded.last);
            """
            : "";
        return $"""
            CREATE OR REPLACE FUNCTION {_schema}.{PgName.Quote(SettleName)}(in_space text, in_tx xid8, in_position bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
            BEGIN
              UPDATE {Live} t SET _tm_version = in_position, _tm_device = NULL, _tm_command = NULL, _tm_offered = NULL
                FROM {noted} n WHERE t.space_id = in_space AND {here};
              INSERT INTO {Gone} AS g (space_id, {goneKeys}, position, made_by)
                SELECT DISTINCT ON ({string.Join(", ", FoldedGoneKeys("n"))}) in_space, {Numbered("n.k{0}")}, in_position, n.made_by FROM {Notes} n WHERE n.space_id = in_space AND n.tx = in_tx
                  AND NOT EXISTS (SELECT 1 FROM {Live} t WHERE t.space_id = in_space AND {here}) ORDER BY {string.Join(", ", FoldedGoneKeys("n"))}, n.made_by NULLS LAST
                ON CONFLICT (space_id, {string.Join(", ", FoldedGoneKeys().Select(Parenthesized))}) DO UPDATE SET position = excluded.position, device = NULL, command = NULL, offered = NULL, made_by = coalesce(excluded.made_by, g.made_by);
              DELETE FROM {Gone} g USING {noted} n WHERE g.space_id = in_space AND {Match(FoldedGoneKeys("g"), FoldedGoneKeys("n"))}
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
