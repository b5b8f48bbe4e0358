using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Tidemark.Server.Tests.Http;

/// <summary>Everything that was logged, whole: message and exception.</summary>
internal sealed class LogLines : ILoggerProvider
{
    private readonly ConcurrentQueue<(LogLevel Level, string Text)> _lines = new();
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyList<(LogLevel Level, string Text)> All => [.. _lines];

    /// <summary>Ends as soon as a line has the text; at the deadline says which lines there were.</summary>
    public async Task SeenAsync(string text)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (!_lines.Any(l => l.Text.Contains(text, StringComparison.Ordinal)))
        {
            var next = _next.Task;
            try
            {
                await next.WaitAsync(TimeSpan.FromMilliseconds(50), deadline.Token);
            }
            catch (TimeoutException)
            {
                // A line may have come between the look and the wait.
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"No line had \"{text}\". There were:\n{string.Join('\n', _lines)}");
            }
        }
    }

    public ILogger CreateLogger(string categoryName) => new Lines(this);

    public void Dispose()
    {
    }

    private sealed class Lines(LogLines owner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            owner._lines.Enqueue((logLevel, formatter(state, exception) + " " + exception));
            Interlocked.Exchange(ref owner._next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }
}
