using Tidemark.Model.Protocol;

namespace Tidemark.Server;

/// <summary>Problems by their code; status, title and retryable come from the catalogue.</summary>
public static class Problems
{
    public static ServerException Of(string code, string detail, Exception? inner = null) => new(Describe(code, detail), inner);

    public static ServerException Of(WireFormatException fault) => new(Describe(fault.Code, fault.Message) with { Field = fault.Field }, fault);

    /// <summary>The device must resync.</summary>
    public static ServerException Resync(string reason, string detail, string epoch, long? commonPosition) =>
        new(Describe(ErrorCodes.ResyncRequired, detail) with { Reason = reason, Epoch = epoch, CommonPosition = commonPosition });

    public static Problem Describe(string code, string detail)
    {
        var known = ErrorCodes.Find(code);
        return new Problem
        {
            Code = code,
            Status = known is { Status: > 0 } ? known.Status : 400,
            Title = known?.Cause,
            Detail = detail,
            Retryable = known?.Retryable ?? false,
        };
    }
}
