using System.Text.Json;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Fuzzing.Wire;

/// <summary>A page of changes as a device reads it, in the three ways it does.</summary>
public sealed class ChangesPageTarget : JsonTarget
{
    public override string Name => "changes-page";

    public override IReadOnlyList<byte[]> Seeds { get; } = [.. Enumerable.Range(0, 8).Select(i => FuzzModel.Utf8(FuzzModel.Page(new FuzzDice(i))))];

    public override byte[]? Make(FuzzDice dice) => FuzzModel.Utf8(FuzzModel.Page(dice));

    public override string Run(byte[] input)
    {
        var (page, pageFault) = Try(() => ChangesPage.Read(input, FuzzModel.Model));
        var (tail, tailFault) = Try(() => ChangesPage.ReadTail(input));
        var (count, countFault) = Try(() => (int?)ChangesPage.CountChanges(input));
        if (page is not null)
        {
            Hold(count == page.Changes.Count, $"A page of {page.Changes.Count} changes is counted as {(count is null ? "no page: " + countFault!.Message : count.ToString())}.");
            Hold(tail is not null, "A page that can be read has no tail that can be read: " + tailFault?.Message);
            foreach (var change in page.Changes)
            {
                Again(change);
            }

            return $"page {page.Changes.Count} {string.Join(' ', page.Changes.Select(c => c.Fault is null ? c.Operation.ToString() : c.Fault.Code + Shapes.Text(c.Fault.Message)).Distinct().Order(StringComparer.Ordinal).Take(3))}";
        }

        // A staged page was accepted by these two; what they accept must be readable when its turn comes.
        Hold(tail is null || count is null, "Tail and count accept what is no page: " + pageFault!.Message);
        return $"{Shapes.Of(pageFault!)} tail {tailFault is null} count {countFault is null}";
    }

    private static (T? Result, WireFormatException? Fault) Try<T>(Func<T> read)
    {
        try
        {
            return (read(), null);
        }
        catch (WireFormatException e)
        {
            return (default, e);
        }
    }

    private static void Again(Change change)
    {
        var alone = ChangesPage.ReadChange(change.Raw, FuzzModel.Model);
        Hold(alone.TypeName == change.TypeName && alone.Version == change.Version && alone.Key == change.Key && alone.Fault?.Code == change.Fault?.Code, "A change reads in another way alone than in its page.");
        if (change is { Fault: null, Row: { } row })
        {
            using var writer = new CanonicalJsonWriter();
            WireRow.Write(writer, row);
            using var document = JsonDocument.Parse(writer.WrittenMemory);
            Hold(WireRow.Read(row.Type, document.RootElement).SameAs(row), "A row reads in another way when it is written again.");
        }
    }
}
