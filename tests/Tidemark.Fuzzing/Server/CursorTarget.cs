using System.Text;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Protocol;
using Tidemark.Server;

namespace Tidemark.Fuzzing.Server;

/// <summary>Cursors: the server's own are taken, every other text is refused with CURSOR_INVALID.</summary>
public sealed class CursorTarget : IFuzzTarget
{
    private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \n\t.";
    private readonly FuzzServer _server = new();
    private readonly HashSet<string> _given = new(StringComparer.Ordinal);

    public CursorTarget()
    {
        _server.Fill("ann");
        var own = RequestTarget.CursorOf(_server.Sync);
        var page = ChangesPage.ReadTail(FuzzServer.Done(_server.Sync.GetChangesAsync(FuzzServer.CallerOf("ann"), new ChangesRequest { Cursor = own }, default)));
        _given.UnionWith([own, page.NextCursor, .. page.Cursors.Values]);
        _server.Fill("ben");
        var others = ChangesPage.ReadTail(FuzzServer.Done(_server.Sync.GetChangesAsync(FuzzServer.CallerOf("ben"), new ChangesRequest(), default))).NextCursor;
        Seeds = [.. _given.Append(others).Append("").Select(FuzzModel.Utf8)];
    }

    public string Name => "cursor";

    public IReadOnlyList<byte[]> Seeds { get; }

    public byte[]? Make(FuzzDice dice)
    {
        // One character of a valid cursor changed, added or left out: the smallest forgeries.
        var text = dice.Of([.. _given.Order(StringComparer.Ordinal)]);
        var at = dice.Chance(30) ? text.Length - 1 : dice.Next(text.Length);
        var letter = Letters[dice.Next(Letters.Length)];
        return FuzzModel.Utf8(dice.Next(3) switch
        {
            0 => text[..at] + letter + text[(at + 1)..],
            1 => text[..at] + letter + text[at..],
            _ => text + new string(letter, 1 + dice.Next(3)),
        });
    }

    public byte[] Vary(byte[] input, byte[] other, FuzzDice dice) => ByteVariations.Vary(input, other, dice);

    public string Run(byte[] input)
    {
        var text = Encoding.UTF8.GetString(input);
        var one = Ask(text, new ChangesRequest { Cursor = text });
        var named = Ask(text, new ChangesRequest { Cursors = new Dictionary<string, string>(StringComparer.Ordinal) { ["boxes"] = text } });
        return one + " " + named;
    }

    public void Dispose() => _server.Dispose();

    private string Ask(string text, ChangesRequest request)
    {
        try
        {
            var page = ChangesPage.Read(FuzzServer.Done(_server.Sync.GetChangesAsync(FuzzServer.CallerOf("ann"), request, default)), FuzzModel.Model);
            if (!_given.Contains(text) && (text.Length > 0 || request.Cursor is null))
            {
                throw new FindingException("A cursor that the server never gave is taken.");
            }

            return $"taken {page.Changes.Count}";
        }
        catch (ServerException e)
        {
            return !_given.Contains(text) && e.Problem.Code == ErrorCodes.CursorInvalid
                ? "refused " + Shapes.Text(e.Problem.Detail)
                : throw new FindingException($"A cursor is refused with {e.Problem.Code}.", e);
        }
    }
}
