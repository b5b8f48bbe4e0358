using System.Globalization;
using System.Text;
using Tidemark.Client.Errors;
using Tidemark.Testing.Approvals;
using Xunit;

namespace Tidemark.Client.Tests.Errors;

public sealed class SyncErrorCodesTests
{
    [Fact]
    [Trait("req", "RUN-09")]
    public void Every_code_has_one_entry_with_cause_and_cure() =>
        Assert.Equal(Enum.GetValues<SyncErrorCode>(), SyncErrorCodes.All.Select(e => e.Code));

    [Fact]
    [Trait("req", "RUN-09")]
    public void The_page_of_sync_codes_is_written_from_the_catalogue() => Approved.Same("docs/errors/sync-codes.md", Page());

    private static string Page()
    {
        var page = new StringBuilder("""
            # Codes of a sync on the device

            Written from `SyncErrorCodes` (src/Tidemark.Client/Errors); a test compares the two. A run that fails throws `SyncException` with `Code`
            and `Retryable`, and its history entry and `tidemark sync --json` carry the code as it is spelled here. Nothing local is lost by any of them.

            | code | retryable | cause | cure |
            |---|---|---|---|

            """.ReplaceLineEndings("\n"));
        foreach (var error in SyncErrorCodes.All)
        {
            var retryable = error.Retryable switch { true => "yes", false => "no", null => "it depends" };
            page.Append(CultureInfo.InvariantCulture, $"| `{SyncErrorCodes.NameOf(error.Code)}` | {retryable} | {error.Cause} | {error.Cure} |\n");
        }

        return page.ToString();
    }
}
