namespace Tidemark.Client.Errors;

/// <summary>Codes of dead letters that no verdict of the server has.</summary>
public static class DeadLetterCodes
{
    /// <summary>Both sides changed the row and a person must decide.</summary>
    public const string Conflict = "CONFLICT";
}
