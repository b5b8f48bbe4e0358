using System.Globalization;
using System.Reflection;
using System.Text;
using Tidemark.Model.Protocol;
using Tidemark.Testing.Approvals;
using Xunit;

namespace Tidemark.Model.Tests.Protocol;

public sealed class ErrorCodesTests
{
    [Fact]
    [Trait("req", "SRV-01")]
    public void Every_code_has_one_entry_with_cause_and_cure()
    {
        var constants = typeof(ErrorCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Where(f => f.IsLiteral).Select(f => (string)f.GetRawConstantValue()!);
        Assert.Equal(constants, ErrorCodes.All.Select(c => c.Code));
        Assert.All(ErrorCodes.All, c =>
        {
            Assert.Same(c, ErrorCodes.Find(c.Code));
            Assert.EndsWith(".", c.Cause, StringComparison.Ordinal);
            Assert.EndsWith(".", c.Cure, StringComparison.Ordinal);
            Assert.Equal(c.Status != 0, c.Use.HasFlag(CodeUse.Status));
            Assert.NotEqual(CodeUse.None, c.Use);
        });
        Assert.Null(ErrorCodes.Find("NO_SUCH_CODE"));
    }

    [Fact]
    [Trait("req", "SRV-01")]
    public void The_page_of_wire_codes_is_written_from_the_catalogue() => Approved.Same("docs/errors/wire-codes.md", Page());

    private static string Page()
    {
        var page = new StringBuilder("""
            # Codes of the wire

            Written from `ErrorCodes` (src/Tidemark.Model/Protocol); a test compares the two. A code with a status answers a whole request as
            problem details (RFC 9457) with `code`, `retryable` and `retryAfterMs`. A code that is a verdict stands in `failed` for one command
            while the others of the same push go on. Retryable means that the same bytes may succeed later; the client tries again by itself.

            | code | status or verdict | retryable | cause | cure |
            |---|---|---|---|---|

            """.ReplaceLineEndings("\n"));
        foreach (var code in ErrorCodes.All)
        {
            var status = code.Status == 0 ? "" : code.Status.ToString(CultureInfo.InvariantCulture);
            var where = code.Use switch { CodeUse.Verdict => "verdict", CodeUse.Status => status, _ => status + ", verdict" };
            page.Append(CultureInfo.InvariantCulture, $"| `{code.Code}` | {where} | {(code.Retryable ? "yes" : "no")} | {code.Cause} | {code.Cure} |\n");
        }

        return page.ToString();
    }
}
