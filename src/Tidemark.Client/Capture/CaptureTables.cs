using System.Globalization;

namespace Tidemark.Client.Capture;

/// <summary>The names of the metadata tables that capture writes; spelled once.</summary>
internal static class CaptureTables
{
    public const string Guard = "_tm_guard";
    public const string Current = "_tm_current";
    public const string Touch = "_tm_touch";

    /// <summary>Key columns k0..k7 of the touch table: a wider key cannot be synced.</summary>
    public const int KeyPartsMax = 8;

    public static string RowTable(int number) => "_tm_row_" + number.ToString(CultureInfo.InvariantCulture);

    public static string BaseTable(int number) => "_tm_base_" + number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Every trigger of Tidemark begins with it.</summary>
    public const string TriggerPrefix = "_tm_cap_";

    public static string TriggersOf(int number) => TriggerPrefix + number.ToString(CultureInfo.InvariantCulture) + "_";
}
