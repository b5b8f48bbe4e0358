using Spectre.Console;

namespace Tidemark.Cli.Output;

/// <summary>How far some work is. A total of null means that nobody knows it yet.</summary>
internal readonly record struct WorkStep(string Phase, long Done, long? Total);

/// <summary>Runs work and shows a bar for each of its phases when it takes longer than a second and somebody looks.</summary>
internal static class Work
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    public static async Task<T> RunAsync<T>(Out output, Func<IProgress<WorkStep>, Task<T>> work)
    {
        var steps = new Steps();
        var running = work(steps);
        if (!output.Interactive || await Task.WhenAny(running, Task.Delay(Patience)) == running)
        {
            return await running;
        }

        await output.Human.Progress()
            .AutoClear(enabled: true)
            .HideCompleted(enabled: false)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(), new SpinnerColumn())
            .StartAsync(context => DrawAsync(context, steps, running));
        return await running;
    }

    private static async Task DrawAsync(ProgressContext context, Steps steps, Task running)
    {
        var bars = new Dictionary<string, ProgressTask>(StringComparer.Ordinal);
        while (true)
        {
            var ended = await Task.WhenAny(running, Task.Delay(100)) == running;
            foreach (var step in steps.Latest())
            {
                if (!bars.TryGetValue(step.Phase, out var bar))
                {
                    bars[step.Phase] = bar = context.AddTask(step.Phase.EscapeMarkup());
                }

                bar.IsIndeterminate = step.Total is null;
                bar.MaxValue = Math.Max(step.Total ?? 1, 1);
                bar.Value = Math.Min(step.Done, bar.MaxValue);
                bar.Description = step.Total is { } total ? $"{step.Phase.EscapeMarkup()} {step.Done:N0}/{total:N0}" : $"{step.Phase.EscapeMarkup()} {step.Done:N0}";
            }

            if (bars.Count == 0)
            {
                bars["working"] = context.AddTask("working").IsIndeterminate();
            }

            if (ended)
            {
                return;
            }
        }
    }

    // Keeps the last step of each phase, in the order the phases began; called from any thread.
    private sealed class Steps : IProgress<WorkStep>
    {
        private readonly Lock _gate = new();
        private readonly List<WorkStep> _steps = [];

        public void Report(WorkStep value)
        {
            lock (_gate)
            {
                var at = _steps.FindIndex(s => string.Equals(s.Phase, value.Phase, StringComparison.Ordinal));
                if (at < 0)
                {
                    _steps.Add(value);
                }
                else
                {
                    _steps[at] = value;
                }
            }
        }

        public WorkStep[] Latest()
        {
            lock (_gate)
            {
                return [.. _steps];
            }
        }
    }
}
