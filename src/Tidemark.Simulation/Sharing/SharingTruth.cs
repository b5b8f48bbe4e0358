using Tidemark.Model.Protocol;

namespace Tidemark.Simulation.Sharing;

/// <summary>What the checkers go by: who is a member of what now, and which row was made by whom for which space.</summary>
internal sealed class SharingTruth
{
    /// <summary>Who edits the catalog, which all read.</summary>
    public const string Editor = "ann";

    private readonly SortedDictionary<string, SortedDictionary<string, string>> _spaces = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, MadeRow> _made = new(StringComparer.Ordinal);

    private readonly SortedSet<string> _lost = new(StringComparer.Ordinal);
    private readonly HashSet<string> _excused = new(StringComparer.Ordinal);
    private readonly HashSet<(string Space, string User)> _ever = [];
    private readonly HashSet<(string Space, string User)> _forgotten = [];

    /// <summary>Rows that the server had before it was restored, and then had not.</summary>
    public IEnumerable<string> Lost => _lost;

    public IReadOnlyList<string> Spaces => [.. _spaces.Keys];

    public IEnumerable<MadeRow> Made => _made.Values;

    public string? RoleOf(string user, string space) =>
        space == SpaceNames.OwnPrefix + user ? SpaceRoles.Owner : SpaceNames.IsCatalog(space) ? user == Editor ? SpaceRoles.Owner : SpaceRoles.Reader : _spaces.GetValueOrDefault(space)?.GetValueOrDefault(user);

    public IReadOnlyList<string> MembersOf(string space) => _spaces.TryGetValue(space, out var members) ? [.. members.Keys] : [];

    public IReadOnlyList<string> SpacesOf(string user) => [.. _spaces.Where(s => s.Value.ContainsKey(user)).Select(s => s.Key)];

    public void Set(string space, string user, string? role)
    {
        if (!_spaces.TryGetValue(space, out var members))
        {
            _spaces[space] = members = new SortedDictionary<string, string>(StringComparer.Ordinal);
        }

        _forgotten.Remove((space, user));
        if (role is null)
        {
            members.Remove(user);
        }
        else
        {
            members[user] = role;
            _ever.Add((space, user));
        }
    }

    /// <summary>Who is a member of what after the server was restored; no role: was one and has left.</summary>
    public void Reset(IReadOnlyList<(string Space, string User, string? Role)> members)
    {
        _spaces.Clear();
        foreach (var (space, user, role) in members)
        {
            Set(space, user, role);
        }

        _forgotten.UnionWith(_ever.Except(members.Select(m => (m.Space, m.User))));
    }

    /// <summary>Does a restored server not know that this user was ever a member? His devices keep the rows then, and do not sync them.</summary>
    public bool IsForgotten(string user, string space) => _forgotten.Contains((space, user));

    public void NoteLost(IEnumerable<string> ids) => _lost.UnionWith(ids);

    /// <summary>Nobody can give this row back.</summary>
    public void Excuse(string id) => _excused.Add(id);

    public bool IsExcused(string id) => _excused.Contains(id);

    public void Note(MadeRow row) => _made[row.Id] = row;

    public MadeRow? Find(string id) => _made.GetValueOrDefault(id);

    public void Deleted(string id)
    {
        if (_made.TryGetValue(id, out var row))
        {
            row.IsDeleted = true;
        }
    }
}

/// <summary>A row that an app made.</summary>
/// <param name="Id">Its key.</param>
/// <param name="Space">The space it was made for.</param>
/// <param name="Device">By which device.</param>
/// <param name="List">The list it is in; null: it is one.</param>
internal sealed record MadeRow(string Id, string Space, string Device, string? List)
{
    /// <summary>Somebody has deleted it, or its list.</summary>
    public bool IsDeleted { get; set; }
}
