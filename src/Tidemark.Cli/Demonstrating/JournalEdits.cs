namespace Tidemark.Cli.Demonstrating;

/// <summary>The edits of the demo's own app.</summary>
internal static class JournalEdits
{
    public static DemoEdits Create() => new(
        [
            new("starts a session (integer key: the laptop takes the same number)",
                $"INSERT INTO sessions(device_id, started_at, minutes, note) VALUES('{JournalData.Id(1)}', '2026-03-05T07:00:00Z', 25, 'from the phone')"),
            new("adds two consumptions to it",
                "INSERT INTO consumptions(session_id, product_id, quantity, at) SELECT max(id), 1, 40.0, '2026-03-05T07:05:00Z' FROM sessions UNION ALL SELECT max(id), 2, 1.0, '2026-03-05T07:06:00Z' FROM sessions"),
            new("writes a journal entry for it",
                $"INSERT INTO journal_entries SELECT '{JournalData.Id(2001)}', max(id), NULL, 'Breakfast outside', 'Sun at last. \U0001F31E', 5, '2026-03-05T07:10:00Z' FROM sessions"),
            new("deletes session 3 with its consumptions", "DELETE FROM sessions WHERE id = 3"),
            new("corrects the quantity of consumption 21", "UPDATE consumptions SET quantity = quantity + 0.5 WHERE id = 21"),
        ],
        [
            new("starts a session, too (same number)",
                $"INSERT INTO sessions(device_id, started_at, minutes, note) VALUES('{JournalData.Id(2)}', '2026-03-05T07:02:00Z', 10, 'from the laptop')"),
            new("adds a consumption to it",
                "INSERT INTO consumptions(session_id, product_id, quantity, at) SELECT max(id), 4, 300.0, '2026-03-05T07:03:00Z' FROM sessions"),
            new("deletes the product 'Rice' (its consumptions keep standing, without it)", "DELETE FROM products WHERE name = 'Rice'"),
            new("swaps the barcodes of two products (a unique column)", """
                UPDATE products SET barcode = NULL WHERE id = 1;
                UPDATE products SET barcode = '4000000000000' WHERE id = 2;
                UPDATE products SET barcode = '4000000000001' WHERE id = 1
                """),
            new("answers the journal entry of day 12",
                $"INSERT INTO journal_entries VALUES('{JournalData.Id(2002)}', NULL, '{JournalData.Id(1012)}', 'Re: day 12', 'Better now.', 4, '2026-03-05T08:00:00Z')"),
        ],
        new DemoConflict(
            "journal entry of day 20",
            new("sets title to 'Written on the phone' and mood to 5", $"UPDATE journal_entries SET title = 'Written on the phone', mood = 5 WHERE id = '{JournalData.Id(1020)}'"),
            new("sets title to 'Written on the laptop' and adds a body", $"UPDATE journal_entries SET title = 'Written on the laptop', body = 'More words.' WHERE id = '{JournalData.Id(1020)}'"),
            $"SELECT 'title ' || quote(title) || ', body ' || quote(body) || ', mood ' || mood FROM journal_entries WHERE id = '{JournalData.Id(1020)}'"),
        new("notes 300 consumptions in one go", """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
            INSERT INTO consumptions(session_id, product_id, quantity, at) SELECT 1 + i % 2, NULL, i, '2026-03-06T10:00:00Z' FROM n
            """));
}
