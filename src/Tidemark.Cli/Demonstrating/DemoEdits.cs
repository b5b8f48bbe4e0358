namespace Tidemark.Cli.Demonstrating;

/// <summary>What an app does on one device: a sentence for people, and the SQL.</summary>
internal sealed record DemoEdit(string Text, string Sql);

/// <summary>What happens offline on both devices.</summary>
/// <param name="Phone">Edits on the phone.</param>
/// <param name="Laptop">Edits on the laptop at the same time.</param>
/// <param name="Conflict">The same field of the same row on both devices: first the phone's, then the laptop's; null when the file has nothing to fight over.</param>
/// <param name="Burst">Many small writes on the phone, to be pushed when the process is killed.</param>
internal sealed record DemoEdits(IReadOnlyList<DemoEdit> Phone, IReadOnlyList<DemoEdit> Laptop, DemoConflict? Conflict, DemoEdit Burst);

/// <summary>Two edits that meet, and how to look at what came of them.</summary>
internal sealed record DemoConflict(string Place, DemoEdit Phone, DemoEdit Laptop, string Query);
