using Tidemark.Client.Engines.Push;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>Rows whose commands have no verdict, or a bad one.</summary>
/// <param name="Commands">The status by row.</param>
/// <param name="UnknownCreates">Types with a CREATE whose fate is unknown.</param>
/// <param name="Renames">The key that a REKEY among them gives, by the row under its former one.</param>
/// <param name="NewKeys">Rows under the key that a REKEY gives them which may be accepted, or was.</param>
internal sealed record Outstanding(Dictionary<RowId, CommandStatus> Commands, HashSet<int> UnknownCreates, Dictionary<RowId, EntityKey> Renames, HashSet<RowId> NewKeys)
{
    public static Outstanding Read(StoreSession session)
    {
        var commands = new Dictionary<RowId, CommandStatus>();
        var creates = new HashSet<int>();
        var renames = new Dictionary<RowId, EntityKey>();
        var newKeys = new HashSet<RowId>();
        foreach (var (type, key, operation, status, rename) in session.Outbox.ReadRows())
        {
            if (session.FindTable(type) is not { } table)
            {
                continue;
            }

            commands[new RowId(type, StoreSession.KeyFrom(table.Type, key))] = status;
            if (rename is not null)
            {
                var former = new RowId(type, PushCommandKeys.FormerKeyOf(table.Type, rename));
                commands[former] = status;
                renames[former] = StoreSession.KeyFrom(table.Type, key);
                if (status != CommandStatus.DeadLetter)
                {
                    newKeys.Add(new RowId(type, renames[former]));
                }
            }

            if (operation == Operation.Create && status is CommandStatus.InFlight or CommandStatus.Pending)
            {
                creates.Add(type);
            }
        }

        return new Outstanding(commands, creates, renames, newKeys);
    }
}
