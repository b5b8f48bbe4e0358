namespace Tidemark.EndToEnd.Tests.Worlds;

/// <summary>Waits for a state, with a deadline.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public static async Task TrueAsync(Func<Task<bool>> state)
    {
        var until = DateTime.UtcNow + Deadline;
        while (!await state())
        {
            Assert.True(DateTime.UtcNow < until, "The awaited state did not come.");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }
}
