#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination;

/// <summary>What a device does when the server does not know its position any more. Nothing that was not sent is touched.</summary>
internal sealed class Resync(EngineTransaction transaction, List<string> warnings)
{
    public const string ForkWarning = "Another copy of this file has synced before; this one has taken a new store id and device id.";

    /// <summary>Starts from nothing; after a restore of the server, rows it may have lost are noted to be offered again.</summary>
    public void Begin(ResyncRequiredException cause)
    {
        warnings.Add($"The server asked for a resync ({cause.Reason}): {cause.Message}");
        transaction.Run(EngineTransactionKind.None, s =>
        {
            if (cause.Reason == ResyncReason.Restored)
            {
                if (s.IsReadOnly)
                {
                    ForgetLost(s, cause.CommonPosition);
                }
                else
                {
                    NoteOffers(s, cause.CommonPosition);
                }

                s.Aside.DropLost(cause.CommonPosition);
                s.Remotes.SetLost(true);
                new LostIds(s).MarkFrozen();
            }

            s.Stage.Clear();
            s.Cursors.StartAgain();
            s.Remotes.StartAgain(cause.Epoch, cause.CommonPosition, cause.Reason);
        });
    }

    /// <summary>Another copy of this file has pushed: this one becomes a store and a device of its own.</summary>
    public void BecomeNewStore(SyncEnvironment environment)
    {
        warnings.Add(ForkWarning);
        transaction.Run(EngineTransactionKind.None, s =>
        {
            TakeNewIds(s, environment);
            s.Remotes.ResetPushSeq();
            s.Stage.Clear();
            s.Cursors.StartAgain();
            s.Remotes.SetCursor(null);
            if (s.Remotes.Read().Resync != ResyncReason.Retention)
            {
                s.Remotes.SetResync(ResyncReason.Restored); // What the retention has asked for is still to be done.
            }
        });
    }

    /// <summary>Another store and another device from here on.</summary>
    public static void TakeNewIds(StoreSession session, SyncEnvironment environment)
    {
        var meta = new MetaRepository(session.Db);
        meta.Set(MetaRepository.StoreId, Value.Text(environment.NewId().ToString("D")));
        meta.Set(MetaRepository.DeviceId, Value.Text(environment.NewId().ToString("D")));
    }

    /// <summary>The cursor was changed or is another's: fetched again from the start.</summary>
    public void ForgetCursor(SyncException cause)
    {
        warnings.Add("The cursor was not accepted and is fetched anew: " + cause.Message);
        transaction.Run(EngineTransactionKind.None, s =>
        {
            s.Stage.Clear();
            s.Cursors.StartAgain();
            s.Remotes.SetCursor(null);
        });
    }

    // What everybody reads is given back by those who edit it: here the listing decides, also where it shows an older row, or none.
    private static void ForgetLost(StoreSession s, long commonPosition)
    {
        foreach (var table in s.Tables)
        {
            s.Db.Execute($"UPDATE {table.RowTable} SET version = 0 WHERE remote = ?1 AND version > ?2", Value.Integer(s.Remote), Value.Integer(commonPosition));
        }

        s.Db.Execute("DELETE FROM _tm_tombstone WHERE remote = ?1 AND version > ?2", Value.Integer(s.Remote), Value.Integer(commonPosition));
    }

    private static void NoteOffers(StoreSession s, long commonPosition)
    {
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.NothingOffered))
        {
            return;
        }
#endif
        foreach (var table in s.Tables)
        {
            var rows = s.Db.Query(
                $"SELECT {table.MetaKeys}, version FROM {table.RowTable} WHERE remote = ?1 AND version > ?2",
                st => (Key: table.KeyAt(st, 0).ToString(), Version: st.ColumnInt64(table.KeyColumns.Count)),
                Value.Integer(s.Remote), Value.Integer(commonPosition));
            foreach (var (key, version) in rows)
            {
                s.Offers.Note(new NotedOffer(table.Number, key, version, Deleted: false));
            }
        }

        foreach (var (type, key, version) in s.Db.Query(
            "SELECT type, key, version FROM _tm_tombstone WHERE remote = ?1 AND version > ?2",
            st => ((int)st.ColumnInt64(0), st.Text(1), st.ColumnInt64(2)), Value.Integer(s.Remote), Value.Integer(commonPosition)))
        {
            s.Offers.Note(new NotedOffer(type, key, version, Deleted: true));
        }
    }
}
