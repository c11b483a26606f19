//! The files that are not logs: the dropped page, its compiled trace, the configuration of IIS.
//!
//! The dropped page is what the reset of an address book directory writes: a list of its settings, in the midst of
//! which stands the address that the intruder had set. ASP.NET does not mind the rest; it runs the script. Here the
//! script's body is a comment.

use crate::collection::Collection;
use crate::intrusion::{
    COMPILED, COMPILED_NAME, DIRECTORY, INERT_SCRIPT, SHELL_STEM, shell_path, written_at,
};
use crate::moment::Moment;

pub(crate) fn write(collection: &mut Collection) {
    collection.file(collected(&shell_path()), address_book_settings());
    collection.file(collected(&format!(r"{COMPILED}\{COMPILED_NAME}")), compiled_page());
    let configuration = r"C:\Windows\System32\inetsrv\config\applicationHost.config";
    collection.file(collected(configuration), application_host());
}

/// `C:\Windows\…` as a path inside the collection.
fn collected(path: &str) -> String {
    path.replacen(r"C:\", r"C\", 1).replace('\\', "/")
}

/// The settings of the directory, as `Format-List` prints them, in the server's local time.
fn address_book_settings() -> String {
    let place = "CN=EX01,CN=Servers,CN=Exchange Administrative Group (FYDIBOHF23SPDLT),CN=Administrative Groups,\
                 CN=Corp Organization,CN=Microsoft Exchange,CN=Services,CN=Configuration,DC=corp,DC=example";
    let distinguished = format!("CN=OAB (Default Web Site),CN=HTTP,CN=Protocols,{place}");
    let changed = written_at().minus_ms(1_882);
    let created = Moment::utc(1, 15, 13, 40, 2);
    let settings = [
        ("Name", "OAB (Default Web Site)"),
        ("PollInterval", "480"),
        ("OfflineAddressBooks", r"\Default Offline Address Book"),
        ("RequireSSL", "True"),
        ("BasicAuthentication", "False"),
        ("WindowsAuthentication", "True"),
        ("OAuthAuthentication", "False"),
        ("MetabasePath", "IIS://EX01.corp.example/W3SVC/1/ROOT/OAB"),
        ("Path", r"C:\Program Files\Microsoft\Exchange Server\V15\FrontEnd\HttpProxy\OAB"),
        ("ExtendedProtectionTokenChecking", "None"),
        ("ExtendedProtectionFlags", ""),
        ("ExtendedProtectionSPNList", ""),
        ("AdminDisplayVersion", "Version 15.1 (Build 2176.2)"),
        ("Server", "EX01"),
        ("InternalUrl", "https://ex01.corp.example/OAB"),
        ("InternalAuthenticationMethods", "WindowsIntegrated"),
        ("ExternalUrl", INERT_SCRIPT),
        ("ExternalAuthenticationMethods", "WindowsIntegrated"),
        ("AdminDisplayName", ""),
        ("ExchangeVersion", "0.10 (14.0.100.0)"),
        ("DistinguishedName", &distinguished),
        ("Identity", r"EX01\OAB (Default Web Site)"),
        ("Guid", DIRECTORY),
        ("ObjectCategory", "corp.example/Configuration/Schema/ms-Exch-OAB-Virtual-Directory"),
        ("ObjectClass", "top"),
        ("", "msExchVirtualDirectory"),
        ("", "msExchOABVirtualDirectory"),
        ("WhenChanged", &changed.console()),
        ("WhenCreated", &created.console()),
        ("WhenChangedUTC", &changed.console_utc()),
        ("WhenCreatedUTC", &created.console_utc()),
        ("OrganizationId", ""),
        ("Id", r"EX01\OAB (Default Web Site)"),
        ("OriginatingServer", "DC01.corp.example"),
        ("IsValid", "True"),
        ("ObjectState", "Changed"),
    ];
    let lines = settings.map(|(name, value)| {
        // A list of values goes on under the first, without a colon.
        let colon = if name.is_empty() { ' ' } else { ':' };
        format!("{name:<32}{colon} {value}").trim_end().to_owned()
    });
    format!("\r\n\r\n{}\r\n\r\n\r\n", lines.join("\r\n"))
}

/// What ASP.NET keeps of a page that was asked for once; it stays when the page is deleted.
fn compiled_page() -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n\
         <preserve resultType=\"3\" virtualPath=\"{SHELL_STEM}\" hash=\"fffffffa1c3e27b4\" filehash=\"ffff8a21d04c9e73\" \
         flags=\"110000\" assembly=\"App_Web_k3wq1zpd\" type=\"ASP.auth_themehelp_aspx\">\r\n\
         \x20   <filedeps>\r\n        <filedep name=\"{SHELL_STEM}\" />\r\n    </filedeps>\r\n\
         </preserve>\r\n"
    )
}

/// A short but whole `applicationHost.config`: both sites with their ports, applications and log settings.
fn application_host() -> String {
    let front =
        ["Autodiscover", "ecp", "EWS", "mapi", "Microsoft-Server-ActiveSync", "OAB", "owa", "PowerShell"];
    let front = front.map(|name| {
        let folder = if name == "Microsoft-Server-ActiveSync" { "sync" } else { name };
        application(name, folder, "FrontEnd\\HttpProxy")
    });
    let back = ["Autodiscover", "ecp", "EWS", "mapi", "OAB", "owa", "PowerShell"];
    let back = back.map(|name| application(name, name, "ClientAccess"));
    let pools = ["Autodiscover", "ECP", "OAB", "OWA", "PowerShell", "Services", "Sync"].map(|name| {
        format!("            <add name=\"MSExchange{name}AppPool\" managedRuntimeVersion=\"v4.0\" autoStart=\"true\" />\r\n")
    });
    let head =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<configuration>\r\n    <system.applicationHost>\r\n";
    let log = "            <siteDefaults>\r\n                <logFile logFormat=\"W3C\" \
               directory=\"%SystemDrive%\\inetpub\\logs\\LogFiles\" />\r\n            </siteDefaults>\r\n";
    format!(
        "{head}        <applicationPools>\r\n{}        </applicationPools>\r\n        <sites>\r\n{}{}{log}        </sites>\r\n\
         \x20   </system.applicationHost>\r\n    <system.webServer>\r\n        <globalModules>\r\n\
         \x20           <add name=\"StaticFileModule\" image=\"%windir%\\System32\\inetsrv\\static.dll\" />\r\n\
         \x20           <add name=\"kerbauth\" image=\"C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Bin\\kerbauth.dll\" />\r\n\
         \x20       </globalModules>\r\n    </system.webServer>\r\n</configuration>\r\n",
        pools.concat(),
        site("Default Web Site", 1, (80, 443), r"%SystemDrive%\inetpub\wwwroot", &front.concat()),
        site(
            "Exchange Back End",
            2,
            (81, 444),
            r"C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess",
            &back.concat()
        ),
    )
}

fn site(name: &str, id: u8, ports: (u16, u16), root: &str, applications: &str) -> String {
    format!(
        "            <site name=\"{name}\" id=\"{id}\" serverAutoStart=\"true\">\r\n\
         \x20               <application path=\"/\">\r\n\
         \x20                   <virtualDirectory path=\"/\" physicalPath=\"{root}\" />\r\n\
         \x20               </application>\r\n{applications}\
         \x20               <bindings>\r\n\
         \x20                   <binding protocol=\"http\" bindingInformation=\"*:{}:\" />\r\n\
         \x20                   <binding protocol=\"https\" bindingInformation=\"*:{}:\" sslFlags=\"0\" />\r\n\
         \x20               </bindings>\r\n            </site>\r\n",
        ports.0, ports.1
    )
}

fn application(name: &str, folder: &str, parent: &str) -> String {
    format!(
        "                <application path=\"/{name}\" applicationPool=\"MSExchange{}AppPool\">\r\n\
         \x20                   <virtualDirectory path=\"/\" physicalPath=\"C:\\Program Files\\Microsoft\\Exchange Server\\V15\\{parent}\\{folder}\" />\r\n\
         \x20               </application>\r\n",
        match name {
            "ecp" => "ECP",
            "owa" => "OWA",
            "EWS" | "mapi" => "Services",
            "Microsoft-Server-ActiveSync" => "Sync",
            other => other,
        }
    )
}
