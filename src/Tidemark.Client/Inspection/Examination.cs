using Tidemark.Client.Environment;
using Tidemark.Client.Storage;

namespace Tidemark.Client.Inspection;

/// <summary>One visit of the doctor: the store, what was found so far, and the way to write when a repair was asked for.</summary>
internal sealed class Examination(LocalStore store, SyncEnvironment environment, EngineTransaction? repair)
{
    private const int NamedMax = 5;

    public LocalStore Store => store;

    public StoreSession Session => store.EngineSession;

    public SyncEnvironment Environment => environment;

    public List<DoctorFinding> Findings { get; } = [];

    /// <summary>Null: only look.</summary>
    public EngineTransaction? Repair => repair;

    public bool IsRepair => repair is not null;

    public static string Named(IEnumerable<string> names)
    {
        var all = names.ToList();
        return string.Join(", ", all.Take(NamedMax)) + (all.Count > NamedMax ? $", and {all.Count - NamedMax} more" : "");
    }

    public void Add(string code, FindingSeverity severity, string message, string cure, bool repairable = false, bool repaired = false) =>
        Findings.Add(new DoctorFinding(code, severity, message, cure, repairable, repaired));

    /// <summary>What a repair puts right: reported, and put right when one was asked for.</summary>
    public void AddRepairable(string code, FindingSeverity severity, string message, string cure, Action<StoreSession> mend, EngineTransactionKind kind = EngineTransactionKind.None)
    {
        repair?.Run(kind, mend);
        Add(code, severity, message, cure, repairable: true, repaired: IsRepair);
    }
}
