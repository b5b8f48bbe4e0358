using System.Text;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Sqlite.Schema;

namespace Tidemark.Fuzzing.Wire;

/// <summary>The tokenizer on any text: tokens in order, within the text, with only spaces and comments between them.</summary>
public sealed class SqlTextTarget : IFuzzTarget
{
    private static readonly byte[][] Words = [.. new[]
    {
        "CREATE ", "TRIGGER ", "TABLE ", "INDEX ", "BEGIN ", "END", "WHEN ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "\"a\"\"b\"", "[a]", "`a`", "'it''s'", "x'00'", "--\n", "/*", "*/", "/**/", "(", ")", ",", ";", ".", "1e+5", "0x1F", ".5",
        "\u00A0", "\u2003", "\uFEFF", "\u0085", "$a", ":a", "@a", "?1", "NEW.x", "\u00e9", "\ud83d\ude00", "'", "\"", "[", "`", "x'",
    }.Select(Encoding.UTF8.GetBytes)];

    public string Name => "sql-text";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. new[]
        {
            "CREATE TABLE \"a b\"(id INTEGER PRIMARY KEY, [c] TEXT /* x */ COLLATE NOCASE, `d` BLOB DEFAULT x'00', e REAL DEFAULT -1.5e+10) -- end",
            "CREATE TRIGGER t AFTER UPDATE OF a, b ON x WHEN NEW.begin > 1 BEGIN INSERT INTO main.y(z) VALUES('it''s'); DELETE FROM q; END",
            "CREATE UNIQUE INDEX i ON t(lower(a) COLLATE NOCASE DESC, b) WHERE c IS NOT NULL;",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    public byte[]? Make(FuzzDice dice) => [.. Enumerable.Range(0, 1 + dice.Next(30)).SelectMany(_ => dice.Of(Words))];

    public byte[] Vary(byte[] input, byte[] other, FuzzDice dice) => ByteVariations.Vary(input, other, dice, Words);

    public string Run(byte[] input)
    {
        var sql = Encoding.UTF8.GetString(input);
        var tokens = SqlTokenizer.Tokenize(sql);
        var at = 0;
        foreach (var token in tokens)
        {
            if (token.Start < at || token.End <= token.Start || token.End > sql.Length)
            {
                throw new FindingException($"A token stands at {token.Start} to {token.End}, behind {at}, in a text of {sql.Length}.");
            }

            Skipped(sql[at..token.Start]);
            at = token.End;
        }

        Skipped(sql[at..]);
        return string.Join(' ', tokens.Select(t => t.Kind).Distinct().Order()) + (tokens.Count > 0 && tokens[^1].End == sql.Length ? " full" : "");
    }

    public void Dispose()
    {
    }

    private static void Skipped(string between)
    {
        var rest = between.TrimStart();
        if (rest.Length > 0 && !rest.StartsWith("--", StringComparison.Ordinal) && !rest.StartsWith("/*", StringComparison.Ordinal))
        {
            throw new FindingException("What is neither space nor comment was left out.");
        }
    }
}
