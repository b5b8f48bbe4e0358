using Tidemark.Testing;
using Xunit;

namespace Tidemark.Sqlite.Tests.Statements;

public sealed class KeptStatementsTests
{
    [Fact]
    [Trait("req", "STO-02")]
    public void A_text_is_prepared_once_and_runs_again_after_its_reset()
    {
        using var folder = new TempFolder();
        using var connection = SqliteFile.Open(folder.File("a.db"), new OpenOptions { CreateIfMissing = true });
        using var statements = new KeptStatements(connection);
        for (var i = 1L; i <= 3; i++)
        {
            var statement = statements.Get("SELECT ?1");
            statement.Bind(1, i);
            Assert.True(statement.Step());
            Assert.Equal(i, statement.ColumnInt64(0));
            statement.Reset();
        }

        Assert.Equal(1, statements.Count);
    }
}
