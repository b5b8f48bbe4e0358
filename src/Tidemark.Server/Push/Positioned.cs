using Tidemark.Model.Protocol;

namespace Tidemark.Server.Push;

/// <summary>Verdicts with the position that the commit took in the end, where another program's commit came before it.</summary>
internal static class Positioned
{
    public static List<AcceptedVerdict> Of(List<AcceptedVerdict> verdicts, long pending, long position) => pending == position
        ? verdicts
        : verdicts.ConvertAll(v => v.Version == pending ? v with { Version = position, ChangedAt = WireTime.OfPosition(position) } : v);

    public static List<FailedVerdict> Of(List<FailedVerdict> verdicts, long pending, long position) => pending == position
        ? verdicts
        : verdicts.ConvertAll(v => v.ServerVersion == pending ? v with { ServerVersion = position } : v);

    public static List<ConflictVerdict> Of(List<ConflictVerdict> verdicts, long pending, long position) => pending == position
        ? verdicts
        : verdicts.ConvertAll(v => v.ServerVersion == pending ? v with { ServerVersion = position } : v);
}
