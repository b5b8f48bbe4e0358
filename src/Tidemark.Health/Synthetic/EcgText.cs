using System.Globalization;
using System.Text;

namespace Tidemark.Health.Synthetic;

/// <summary>An ECG as the export writes it: a heading, and one voltage a line.</summary>
internal static class EcgText
{
    private const int Voltages = 15_360;
    private static readonly string[] Verdicts = ["Sinus Rhythm", "Atrial Fibrillation", "Inconclusive"];
    private static readonly string[] German = ["Sinusrhythmus", "Vorhofflimmern", "Uneindeutig"];

    public static string Of(GenerateOptions options, int number)
    {
        var isGerman = options.Faults.HasFlag(HealthFaults.Ecg);
        var draw = new Draw(options.Seed);
        var verdict = (int)draw.Below("ecg-verdict", number, Verdicts.Length);
        var date = string.Create(CultureInfo.InvariantCulture, $"2026-01-{10 + number:00} 08:00:0{number % 10} +0000");
        var text = new StringBuilder(160_000);
        text.Append(isGerman
            ? $"Name\nGeburtstag,\"8. Jan. 2002\"\nAufzeichnungsdatum,{date}\nKlassifizierung,{German[verdict]}\nSymptome,\nSoftwareversion,1.90\nGerät,\"Watch7,12\"\nMessrate,511,562\u00a0Hertz\n\n\nAbleitung,Ableitung I\nEinheit,µV\n\n"
            : $"Name,Anna\nDate of Birth,\"Jan 8, 2002\"\nRecorded Date,{date}\nClassification,{Verdicts[verdict]}\nSymptoms,\nSoftware Version,1.90\nDevice,\"Watch7,12\"\nSample Rate,511.562 hertz\n\n\nLead,Lead I\nUnit,µV\n\n");
        for (var i = 0; i < Voltages; i++)
        {
            // A beat a second over a slow wave: integers of nanovolts, so that no rounding depends on a machine.
            var phase = i % 512;
            var nanovolts = (phase is > 200 and < 215 ? 900_000 - (Math.Abs(phase - 207) * 110_000) : 0) + ((phase - 256) * 120) + (long)draw.Below("ecg", (number * 100_000L) + i, 4000);
            var (whole, rest) = Math.DivRem(Math.Abs(nanovolts), 1000);
            text.Append(nanovolts < 0 ? "-" : "").Append(whole.ToString(CultureInfo.InvariantCulture)).Append(isGerman ? ',' : '.').Append(rest.ToString("000", CultureInfo.InvariantCulture)).Append('\n');
        }

        return text.ToString();
    }
}
