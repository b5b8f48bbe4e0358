// The widget: a process of its own on the app's file. It knows no server; the app sends what is entered here.
//   water-widget FILE                    shows what was drunk until Ctrl-C
//   water-widget FILE add ML             one tap
//   water-widget FILE rain RATE SECONDS  writes so many a second beside the app
using System.Globalization;
using Tidemark.Samples.Water;

switch (args)
{
    case [var file]:
        await using (var log = WaterLog.Open(file))
        {
            await foreach (var litres in log.WatchLitresAsync(CancellationToken.None))
            {
                Console.WriteLine($"{litres:0.00} l");
            }
        }

        return 0;

    case [var file, "add", var ml]:
        await using (var log = WaterLog.Open(file))
        {
            await log.AddAsync("widget", int.Parse(ml, CultureInfo.InvariantCulture));
        }

        return 0;

    case [var file, "rain", var rate, var seconds]:
        await using (var log = WaterLog.Open(file))
        {
            await Downpour.RunAsync(log, "widget", "app", int.Parse(rate, CultureInfo.InvariantCulture), int.Parse(seconds, CultureInfo.InvariantCulture));
        }

        return 0;

    default:
        Console.Error.WriteLine("water-widget FILE [add ML | rain RATE SECONDS]");
        return 2;
}
