using System.Text;
using Tidemark.Health.Apple;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;

namespace Tidemark.Health.Tests.Apple;

/// <summary>Small exports written by hand.</summary>
internal static class Xml
{
    public static string Export(string body) => $"<?xml version=\"1.0\"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (Record)*>\n]>\n<HealthData locale=\"en\">\n{body}\n</HealthData>\n";

    public static string Record(string type = "StepCount", string value = "10", string unit = "count", string start = "2024-01-01 10:00:00 +0100", string? end = null, string source = "Watch", string rest = "", string content = "") =>
        $" <Record type=\"HKQuantityTypeIdentifier{type}\" sourceName=\"{source}\" {rest} unit=\"{unit}\" startDate=\"{start}\" endDate=\"{end ?? start}\" value=\"{value}\"{(content.Length == 0 ? "/>" : ">" + content + "</Record>")}\n";

    public static (List<HealthSample> Samples, Repairs Repairs) Read(string xml)
    {
        using var reader = new AppleExportReader(new MemoryStream(Encoding.UTF8.GetBytes(xml)));
        var samples = new List<HealthSample>();
        while (reader.Read())
        {
            samples.Add(reader.Current.Sample);
        }

        return (samples, reader.Repairs);
    }

    public static HealthSample One(string record) => Assert.Single(Read(Export(record)).Samples);
}
