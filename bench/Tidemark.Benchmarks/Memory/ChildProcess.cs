using System.Diagnostics;

namespace Tidemark.Benchmarks.Memory;

/// <summary>This program once more, in another process, in one of its roles.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;

    private ChildProcess(Process process) => _process = process;

    public static ChildProcess Start(params IEnumerable<string> role)
    {
        var info = new ProcessStartInfo(Environment.ProcessPath!)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        info.ArgumentList.Add(MemoryRole.Flag);
        foreach (var argument in role)
        {
            info.ArgumentList.Add(argument);
        }

        return new ChildProcess(Process.Start(info) ?? throw new InvalidOperationException("The child process did not start."));
    }

    public int Id => _process.Id;

    /// <summary>What it has taken of the processors so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <exception cref="InvalidOperationException">The child ended without a word.</exception>
    public async Task<string> ReadLineAsync(CancellationToken cancel) =>
        await _process.StandardOutput.ReadLineAsync(cancel) ?? throw new InvalidOperationException("The child process ended early.");

    public async Task<string> AskAsync(CancellationToken cancel)
    {
        await _process.StandardInput.WriteLineAsync();
        await _process.StandardInput.FlushAsync(cancel);
        return await ReadLineAsync(cancel);
    }

    /// <exception cref="InvalidOperationException">The child failed.</exception>
    public async Task WaitAsync(CancellationToken cancel)
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync(cancel);
        if (_process.ExitCode != 0)
        {
            throw new InvalidOperationException($"The child process ended with {_process.ExitCode}.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }
}
