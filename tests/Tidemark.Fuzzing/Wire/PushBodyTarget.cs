using System.Security.Cryptography;
using System.Text;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Protocol;

namespace Tidemark.Fuzzing.Wire;

/// <summary>The body of a push as the server reads it: a refusal with a code, or commands that read the same when they are written again.</summary>
public sealed class PushBodyTarget : JsonTarget
{
    private static readonly WireLimits Limits = new();

    public override string Name => "push-body";

    public override IReadOnlyList<byte[]> Seeds { get; } = [.. Enumerable.Range(0, 8).Select(i => FuzzModel.Utf8(FuzzModel.Push(new FuzzDice(i))))];

    public override byte[]? Make(FuzzDice dice) => FuzzModel.Utf8(FuzzModel.Push(dice));

    public override string Run(byte[] input)
    {
        PushEnvelope envelope;
        IReadOnlyList<ReceivedCommand> commands;
        try
        {
            (envelope, commands) = PushRequest.Read(input, FuzzModel.Model, Limits);
        }
        catch (WireFormatException e)
        {
            return "refused " + e.Code + " " + Shapes.Of(e);
        }

        var shape = new StringBuilder("read");
        foreach (var received in commands)
        {
            Hold((received.Command is null) != (received.Fault is null), "A command is read or has a fault, never both or neither.");
            if (received.Fault is { } fault)
            {
                shape.Append(' ').Append(fault.Code).Append(Shapes.Text(fault.Message));
                continue;
            }

            SameAgain(envelope, received);
            shape.Append(' ').Append(received.Command!.Operation).Append(received.Command.Type.Name[0]);
        }

        return shape.Length > 120 ? shape.ToString(0, 120) : shape.ToString();
    }

    private static void SameAgain(PushEnvelope envelope, ReceivedCommand received)
    {
        Hold(received.Hash.Length == 32 && received.Command!.Id == received.Id, "A command that was read has its id and a hash.");
        var bytes = received.Command!.ToUtf8();
        var (_, again) = PushRequest.Read(PushRequest.Write(envelope, [bytes]), FuzzModel.Model, Limits);
        Hold(again is [{ Command: not null }], "A command that was read cannot be read when it is written again: " + (again.Count == 1 ? again[0].Fault?.Message : ""));
        Hold(again[0].Hash.AsSpan().SequenceEqual(SHA256.HashData(CanonicalPayload.Canonicalize(bytes))), "The hash of a command is not that of its canonical form.");
        Hold(again[0].Command!.ToUtf8().AsSpan().SequenceEqual(bytes), "A command is written in another way when it is read and written twice.");
    }
}
