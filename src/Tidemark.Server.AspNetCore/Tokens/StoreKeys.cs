using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Tidemark.Server.Storage;

namespace Tidemark.Server.AspNetCore.Tokens;

/// <summary>The keys of Data Protection among the store's secrets. They are read at the start and about once a day; the framework's interface waits for them.</summary>
internal sealed class StoreKeys(IServerStore store) : IXmlRepository
{
    private const string Prefix = "data-protection:";

    public IReadOnlyCollection<XElement> GetAllElements() =>
        [.. Wait(store.ReadSecretsAsync(Prefix, CancellationToken.None)).Select(s => XElement.Parse(Encoding.UTF8.GetString(s)))];

    public void StoreElement(XElement element, string friendlyName) =>
        Wait(store.KeepSecretAsync(Prefix + friendlyName, Encoding.UTF8.GetBytes(element.ToString(SaveOptions.DisableFormatting)), CancellationToken.None));

    private static T Wait<T>(ValueTask<T> work) => work.AsTask().GetAwaiter().GetResult();
}
