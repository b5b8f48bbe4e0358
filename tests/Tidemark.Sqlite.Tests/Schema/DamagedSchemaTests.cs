using Tidemark.Sqlite.Schema;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.Sqlite.Tests.Schema;

/// <summary>Found by flipping bytes: the text of a trigger that is not UTF-8 any more.</summary>
public sealed class DamagedSchemaTests
{
    [Fact]
    [Trait("req", "STO-15")]
    public void A_schema_whose_text_is_damaged_is_a_damaged_file()
    {
        using var folder = new TempFolder();
        var path = folder.File("a.db");
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, WriteAheadLog = false }))
        {
            connection.Run("CREATE TABLE a(id INTEGER PRIMARY KEY); CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 'marked place'; END");
        }

        var bytes = File.ReadAllBytes(path);
        bytes[bytes.AsSpan().IndexOf("marked place"u8)] = 0xFF;
        File.WriteAllBytes(path, bytes);
        using var damaged = SqliteFile.Open(path, new OpenOptions { WriteAheadLog = false });
        Assert.Equal(StoreTrouble.Damaged, Assert.Throws<StoreException>(() => SchemaReader.ReadAll(damaged)).Trouble);
        Assert.Equal(StoreTrouble.Damaged, Assert.Throws<StoreException>(() => SchemaReader.Read(damaged, "a")).Trouble);
        Assert.Equal(StoreTrouble.Damaged, Assert.Throws<StoreException>(() => SchemaReader.ReadObjects(damaged)).Trouble);
    }
}
