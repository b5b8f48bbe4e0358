using Tidemark.Server.PostgreSql.Columns;

namespace Tidemark.Server.PostgreSql.Schema;

/// <summary>What is common to the capture of other programs' writes: which types of which spaces a transaction touched, and the one trigger that gives it its positions.</summary>
internal static class CaptureTables
{
    /// <summary>The setting by which a transaction says that its writes are Tidemark's own; it ends with the transaction.</summary>
    public const string OwnWrites = "tidemark.own_writes";

    // A payload has less than 8000 bytes. Of more spaces the nodes are only told to look.
    private const int ToldBytesMax = 7800;

    // Notes live from a statement to the commit of its transaction, so what a crash would take from them is gone anyway: UNLOGGED.
    public static IReadOnlyList<string> Statements(string s) =>
    [
        $"CREATE UNLOGGED TABLE {s}._tm_touched(space_id text COLLATE \"C\" NOT NULL, tx xid8 NOT NULL, type text COLLATE \"C\" NOT NULL, settle name NOT NULL, PRIMARY KEY (space_id, tx, type))",
        Settle(s),
        $"CREATE CONSTRAINT TRIGGER _tm_settle AFTER INSERT ON {s}._tm_touched DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {s}._tm_settle()",
        $$"""
        CREATE FUNCTION {{s}}._tm_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'TRUNCATE of % is refused: devices would never hear of it. Use DELETE.', TG_TABLE_NAME USING ERRCODE = 'feature_not_supported';
        END $$
        """,
    ];

    // Fires once for each space and type at the commit; the first time does it all, in the order of the spaces, so that two such transactions never wait for each other's heads.
    private static string Settle(string s) =>
        $$"""
        CREATE FUNCTION {{s}}._tm_settle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DECLARE
          this_tx CONSTANT xid8 := pg_current_xact_id();
          own CONSTANT text := current_setting('{{OwnWrites}}', true);
          touched record;
          space text;
          next bigint;
          fresh text;
          told jsonb[] := '{}';
        BEGIN
          IF NOT EXISTS (SELECT 1 FROM {{s}}._tm_touched t WHERE t.space_id = NEW.space_id AND t.tx = this_tx AND t.type = NEW.type) THEN
            RETURN NULL;
          END IF;
          PERFORM set_config('{{OwnWrites}}', 'on', true);
          FOR touched IN SELECT t.space_id, t.type, t.settle FROM {{s}}._tm_touched t WHERE t.tx = this_tx ORDER BY t.space_id, t.type LOOP
            IF space IS DISTINCT FROM touched.space_id THEN
              space := touched.space_id;
              INSERT INTO {{s}}._tm_turn(space_id) VALUES (space) ON CONFLICT DO NOTHING;
              INSERT INTO {{s}}._tm_space(space_id, epoch, head, token, compacted)
                VALUES (space, replace(gen_random_uuid()::text, '-', ''), 0, replace(gen_random_uuid()::text, '-', ''), 0) ON CONFLICT DO NOTHING;
              fresh := replace(gen_random_uuid()::text, '-', '');
              UPDATE {{s}}._tm_space h SET head = greatest(h.head + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint), token = fresh
                WHERE h.space_id = space RETURNING h.head INTO next;
              INSERT INTO {{s}}._tm_commit(space_id, position, token) VALUES (space, next, fresh);
              told := told || jsonb_build_object('s', space, 'p', next, 't', '[]'::jsonb);
            END IF;
            EXECUTE format('SELECT {{s.Replace("'", "''", StringComparison.Ordinal)}}.%I($1, $2, $3)', touched.settle) USING space, this_tx, next;
          END LOOP;
          DELETE FROM {{s}}._tm_touched t WHERE t.tx = this_tx;
          PERFORM pg_notify('tidemark_{{s}}', CASE WHEN octet_length(to_jsonb(told)::text) <= {{ToldBytesMax}} THEN jsonb_build_object('n', '', 'h', to_jsonb(told))::text ELSE '' END);
          PERFORM set_config('{{OwnWrites}}', coalesce(own, ''), true);
          RETURN NULL;
        END $$
        """;
}
