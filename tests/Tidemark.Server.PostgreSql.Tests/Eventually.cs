namespace Tidemark.Server.PostgreSql.Tests;

internal static class Eventually
{
    public static async Task TrueAsync(Func<Task<bool>> condition, string expected, int seconds = 30)
    {
        var deadline = DateTime.UtcNow.AddSeconds(seconds);
        while (!await condition())
        {
            Assert.True(DateTime.UtcNow < deadline, $"Not within {seconds} s: {expected}.");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, CancellationToken.None);
        }
    }
}
