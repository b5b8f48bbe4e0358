using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading.Channels;

namespace Tidemark.EndToEnd.Tests.Processes;

/// <summary>A real process whose output is kept. Disposing kills it when it still runs.</summary>
internal sealed partial class RunningProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _command;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly Task _read;

    private RunningProcess(Process process, string command)
    {
        _process = process;
        _command = command;
        _read = Task.WhenAll(PumpAsync(process.StandardOutput, _output, _lines.Writer), PumpAsync(process.StandardError, _errors, null));
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public static RunningProcess Start(string file, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null, string? input = null)
    {
        var start = new ProcessStartInfo(file)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string?>(StringComparer.Ordinal))
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start) ?? throw new InvalidOperationException($"{file} did not start.");
        var running = new RunningProcess(process, Path.GetFileName(file) + " " + string.Join(' ', start.ArgumentList));
        _ = running.FeedAsync(input);
        return running;
    }

    /// <summary>Waits for the end; past the deadline the process is killed and the test fails with what it said.</summary>
    public async Task<ProcessResult> WaitAsync(TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
            await _read.WaitAsync(limit.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            Kill();
            throw new Xunit.Sdk.XunitException(string.Create(CultureInfo.InvariantCulture, $"Not finished after {deadline.TotalSeconds} s.\n$ {_command}\n{Said()}"), e);
        }

        return new ProcessResult(_command, _process.ExitCode, _output.ToString(), _errors.ToString());
    }

    /// <summary>The first line of standard output, from here on, that satisfies the condition.</summary>
    public async Task<string> LineAsync(Func<string, bool> wanted, TimeSpan deadline, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(deadline);
        try
        {
            await foreach (var line in _lines.Reader.ReadAllAsync(limit.Token))
            {
                if (wanted(line))
                {
                    return line;
                }
            }
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new Xunit.Sdk.XunitException($"The awaited line did not come.\n$ {_command}\n{Said()}", e);
        }

        throw new Xunit.Sdk.XunitException($"The process ended before the awaited line.\n$ {_command}\n{Said()}");
    }

    /// <summary>kill -9.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }
    }

    /// <summary>kill -9 once the time is over; sooner ended is fine, too.</summary>
    public async Task KillAfterAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        await Task.WhenAny(_process.WaitForExitAsync(cancellationToken), Task.Delay(time, cancellationToken));
        Kill();
        await _process.WaitForExitAsync(cancellationToken);
    }

    /// <summary>SIGTERM: 15, SIGINT: 2.</summary>
    public void Signal(int number) => Assert.Equal(0, SendSignal(_process.Id, number));

    public async ValueTask DisposeAsync()
    {
        Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
        await _read;
        _process.Dispose();
    }

    public string Said() => $"--- standard output\n{Copy(_output)}\n--- standard error\n{Copy(_errors)}";

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SendSignal(int processId, int signal);

    private static string Copy(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    private static async Task PumpAsync(StreamReader reader, StringBuilder text, ChannelWriter<string>? lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (text)
            {
                text.Append(line).Append('\n');
            }

            lines?.TryWrite(line);
        }

        lines?.TryComplete();
    }

    private async Task FeedAsync(string? input)
    {
        try
        {
            if (input is not null)
            {
                await _process.StandardInput.WriteAsync(input);
            }

            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The process ended without reading its input; its exit code says why.
        }
    }
}
