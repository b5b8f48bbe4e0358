using System.Globalization;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>Runs <see cref="JoinHistory"/> over many seeds.</summary>
public sealed class JoinHistoryTests
{
    /// <summary>TIDEMARK_JOIN_SEEDS: how many histories, or from which seed to which: 100-199. Default 12.</summary>
    public static TheoryData<int> Seeds
    {
        get
        {
            var range = (System.Environment.GetEnvironmentVariable("TIDEMARK_JOIN_SEEDS") ?? "12").Split('-').Select(n => int.Parse(n, CultureInfo.InvariantCulture)).ToArray();
            return [.. Enumerable.Range(range.Length > 1 ? range[0] : 1, range.Length > 1 ? range[1] - range[0] + 1 : range[0])];
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    [Trait("req", "REM-01")]
    [Trait("req", "REM-02")]
    [Trait("req", "REM-03")]
    [Trait("req", "REM-04")]
    [Trait("req", "REM-05")]
    [Trait("req", "REM-08")]
    public Task Whatever_happens_nothing_is_lost_and_all_become_equal(int seed) => new JoinHistory(seed, hasOthers: false).RunAsync();

    [Theory]
    [MemberData(nameof(Seeds))]
    [Trait("req", "REM-02")]
    public Task Writers_that_know_no_stamps_do_not_keep_devices_apart(int seed) => new JoinHistory(seed, hasOthers: true).RunAsync();
}
