using Tidemark.Benchmarks.Memory;
using Tidemark.Benchmarks.Running;
using Tidemark.Hosting;

SystemSqlite.Use();
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = true;
    stop.Cancel();
};
return args is [MemoryRole.Flag, .. var role] ? await MemoryRole.RunAsync(role, stop.Token) : await Runner.RunAsync(args, stop.Token);
