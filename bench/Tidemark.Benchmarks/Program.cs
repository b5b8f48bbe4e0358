using Tidemark.Benchmarks.Running;
using Tidemark.Hosting;

SystemSqlite.Use();
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = true;
    stop.Cancel();
};
return await Runner.RunAsync(args, stop.Token);
