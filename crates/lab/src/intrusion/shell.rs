//! Two days with the shell.
//!
//! Wednesday morning the intruder looks around; Wednesday night another address dumps the memory of LSASS and takes
//! it home as a download; Thursday before dawn a mailbox is exported and packed. Each use is a POST in IIS and in
//! HttpProxy, and a program that the web server starts.

use super::{COMPILED, COMPILED_NAME, INTRUDER, SECOND_HAND, SHELL_STEM, WORKER};
use crate::collection::Collection;
use crate::exchange::{Caller, Cmdlet};
use crate::moment::Moment;
use crate::web::{Protocol, Request};
use crate::windows::{self, Parent, Process};

const INTRUDERS_BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/65.0.3325.181 Safari/537.36";
const SECOND_AGENT: &str = "antSword/v2.1";
const DIRECTORY: &str = r"c:\windows\system32\inetsrv\";
const SHELL_IMAGE: &str = r"C:\Windows\System32\cmd.exe";

/// One use of the shell: what was typed, and what the command interpreter started for it, if anything.
pub(super) struct Use {
    pub(super) time: Moment,
    pub(super) client: &'static str,
    pub(super) typed: &'static str,
    pub(super) starts: Option<(&'static str, &'static str)>,
    pub(super) took_ms: u64,
}

impl Use {
    /// When the command interpreter began.
    fn started(&self) -> Moment {
        self.time.minus_ms(self.took_ms - 21)
    }

    /// Its process number, which Windows gives in fours.
    pub(super) fn interpreter(&self) -> u32 {
        (self.time.milliseconds() / 1_000 % 20_000 + 4_000) as u32 & !3
    }

    /// The process number of the program that it started.
    fn program(&self) -> u32 {
        self.interpreter() + 1_204
    }
}

pub(super) fn write(collection: &mut Collection) {
    first_visit(collection);
    let (morning, night, dawn) = (wednesday_morning(), wednesday_night(), thursday_before_dawn());
    for usage in morning.iter().chain(&night).chain(&dawn) {
        use_shell(collection, usage);
    }
    let [_, _, dump, pack, delete] = night;
    memory_of_lsass(collection, &dump);
    taken_home(collection, &pack, &delete);
    let [_, request, archive] = dawn;
    export(collection, &request, &archive);
}

fn agent(client: &str) -> &'static str {
    if client == INTRUDER { INTRUDERS_BROWSER } else { SECOND_AGENT }
}

/// Is it there? The page is compiled on its first request, which takes its time and leaves files.
fn first_visit(collection: &mut Collection) {
    let time = Moment::utc(3, 3, 5, 26, 12).plus_ms(340);
    let request =
        Request::new(time, Some(Protocol::Owa), "GET", SHELL_STEM).from(INTRUDER, INTRUDERS_BROWSER);
    collection.request(&Request { took_ms: 1_840, ..request });
    for (before_ms, name) in [(1_210, "k3wq1zpd.0.js"), (420, "App_Web_k3wq1zpd.dll"), (390, COMPILED_NAME)] {
        let target = format!(r"{COMPILED}\{name}");
        collection.file_created(
            time.minus_ms(before_ms),
            WORKER.pid,
            r"c:\windows\system32\inetsrv\w3wp.exe",
            &target,
        );
    }
}

/// A POST, the command interpreter, and the program that it starts.
pub(super) fn use_shell(collection: &mut Collection, usage: &Use) {
    let request = Request::new(usage.time, Some(Protocol::Owa), "POST", SHELL_STEM);
    let request = Request { took_ms: usage.took_ms, sent_bytes: 702, ..request };
    collection.request(&request.from(usage.client, agent(usage.client)));
    let (started, pid) = (usage.started(), usage.interpreter());
    let command_line =
        format!(r#""cmd" /c cd /d "C:/inetpub/wwwroot/aspnet_client/"&{}&echo [S]&cd&echo [E]"#, usage.typed);
    collection.process(&Process {
        time: started,
        pid,
        image: SHELL_IMAGE,
        command_line: &command_line,
        directory: DIRECTORY,
        parent: WORKER,
    });
    if let Some((image, command_line)) = usage.starts {
        // The parent's own command line is long and the same each time; what it was asked is in its own event.
        let parent = Parent {
            pid,
            image: SHELL_IMAGE,
            command_line: r#""cmd" /c cd /d "C:/inetpub/wwwroot/aspnet_client/""#,
        };
        collection.process(&Process {
            time: started.plus_ms(14),
            pid: usage.program(),
            image,
            command_line,
            directory: r"C:\inetpub\wwwroot\aspnet_client\",
            parent,
        });
    }
}

fn wednesday_morning() -> [Use; 6] {
    let usage = |minute, second, typed, starts| Use {
        time: Moment::utc(3, 3, 5, minute, second).plus_ms(207),
        client: INTRUDER,
        typed,
        starts,
        took_ms: 212,
    };
    [
        usage(27, 3, "whoami", Some((r"C:\Windows\System32\whoami.exe", "whoami"))),
        usage(
            27,
            31,
            r#"net group "Domain Admins" /domain"#,
            Some((r"C:\Windows\System32\net.exe", r#"net  group "Domain Admins" /domain"#)),
        ),
        usage(
            28,
            10,
            r#"net group "Exchange Organization Administrators" /domain"#,
            Some((
                r"C:\Windows\System32\net.exe",
                r#"net  group "Exchange Organization Administrators" /domain"#,
            )),
        ),
        usage(29, 2, "ipconfig /all", Some((r"C:\Windows\System32\ipconfig.exe", "ipconfig  /all"))),
        usage(31, 44, "tasklist /svc", Some((r"C:\Windows\System32\tasklist.exe", "tasklist  /svc"))),
        usage(33, 20, r"dir C:\inetpub\wwwroot\aspnet_client", None),
    ]
}

fn wednesday_night() -> [Use; 5] {
    let usage = |hour, minute, second, typed, starts, took_ms| Use {
        time: Moment::utc(3, 3, hour, minute, second).plus_ms(618),
        client: SECOND_HAND,
        typed,
        starts,
        took_ms,
    };
    [
        usage(20, 58, 12, "whoami", Some((r"C:\Windows\System32\whoami.exe", "whoami")), 190),
        usage(21, 3, 37, "query user", Some((r"C:\Windows\System32\query.exe", "query  user")), 233),
        usage(
            21,
            7,
            15,
            r"C:\ProgramData\procdump64.exe -accepteula -ma lsass.exe C:\ProgramData\h7.dmp",
            Some((
                r"C:\ProgramData\procdump64.exe",
                r"C:\ProgramData\procdump64.exe  -accepteula -ma lsass.exe C:\ProgramData\h7.dmp",
            )),
            4_380,
        ),
        usage(
            21,
            16,
            48,
            r"makecab C:\ProgramData\h7.dmp C:\inetpub\wwwroot\aspnet_client\h7.dmp.zip",
            Some((
                r"C:\Windows\System32\makecab.exe",
                r"makecab  C:\ProgramData\h7.dmp C:\inetpub\wwwroot\aspnet_client\h7.dmp.zip",
            )),
            18_902,
        ),
        usage(
            21,
            21,
            30,
            r"del C:\ProgramData\h7.dmp C:\inetpub\wwwroot\aspnet_client\h7.dmp.zip",
            None,
            140,
        ),
    ]
}

fn thursday_before_dawn() -> [Use; 3] {
    let usage = |minute, second, typed, starts, took_ms| Use {
        time: Moment::utc(3, 4, 2, minute, second).plus_ms(94),
        client: INTRUDER,
        typed,
        starts: Some(starts),
        took_ms,
    };
    [
        usage(
            11,
            26,
            "powershell -c Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn; Get-MailboxStatistics -Server EX01",
            (
                r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
                "powershell  -c Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn; Get-MailboxStatistics -Server EX01",
            ),
            9_150,
        ),
        usage(
            14,
            33,
            r"powershell -c Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn; New-MailboxExportRequest -Mailbox nele.orban -FilePath \\127.0.0.1\C$\ProgramData\pst\nele.orban.pst",
            (
                r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
                r"powershell  -c Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn; New-MailboxExportRequest -Mailbox nele.orban -FilePath \\127.0.0.1\C$\ProgramData\pst\nele.orban.pst",
            ),
            11_720,
        ),
        usage(
            52,
            11,
            r"C:\ProgramData\7z.exe a -t7z -r C:\ProgramData\w4.zip C:\ProgramData\pst",
            (
                r"C:\ProgramData\7z.exe",
                r"C:\ProgramData\7z.exe  a -t7z -r C:\ProgramData\w4.zip C:\ProgramData\pst",
            ),
            27_316,
        ),
    ]
}

/// The dump itself: a handle to LSASS, and a file.
fn memory_of_lsass(collection: &mut Collection, dump: &Use) {
    let (time, pid) = (dump.started().plus_ms(1_151), dump.program());
    let dumper = r"C:\ProgramData\procdump64.exe";
    let data = [
        ("SourceProcessGUID", collection.process_guid(pid)),
        ("SourceProcessId", pid.to_string()),
        ("SourceImage", dumper.to_owned()),
        ("TargetProcessGUID", collection.process_guid(732)),
        ("TargetProcessId", "732".to_owned()),
        ("TargetImage", r"C:\Windows\system32\lsass.exe".to_owned()),
        ("GrantedAccess", "0x1fffff".to_owned()),
    ];
    collection.event(windows::sysmon(time, 10, "10", "Process accessed:", &data));
    collection.file_created(time.plus_ms(260), pid, dumper, r"C:\ProgramData\h7.dmp");
}

/// The dump is packed, goes out through the front door and is deleted. The download asks no application of
/// Exchange, so that IIS is its only witness.
fn taken_home(collection: &mut Collection, pack: &Use, delete: &Use) {
    let cabinet = r"C:\inetpub\wwwroot\aspnet_client\h7.dmp.zip";
    let packed = pack.started().plus_ms(294);
    collection.file_created(packed, pack.program(), r"C:\Windows\System32\makecab.exe", cabinet);
    let time = Moment::utc(3, 3, 21, 18, 55);
    let request =
        Request::new(time, None, "GET", "/aspnet_client/h7.dmp.zip").from(SECOND_HAND, SECOND_AGENT);
    collection.request(&Request { took_ms: 41_377, ..request });
    for target in [r"C:\ProgramData\h7.dmp", cabinet] {
        collection.file_deleted(delete.started().plus_ms(45), delete.interpreter(), SHELL_IMAGE, target);
    }
}

/// One mailbox goes to a file. The snap-in runs the cmdlet in its own process, so that remote PowerShell's logs,
/// where one would look first, have nothing.
fn export(collection: &mut Collection, request: &Use, archive: &Use) {
    let file = r"\\127.0.0.1\C$\ProgramData\pst\nele.orban.pst";
    let process = format!("{} powershell", request.program());
    collection.cmdlet(&Cmdlet {
        time: request.started().plus_ms(8_408),
        name: "New-MailboxExportRequest",
        parameters: &[("Mailbox", "nele.orban"), ("FilePath", file)],
        object: "corp.example/Users/nele.orban",
        caller: Caller {
            name: r"NT AUTHORITY\SYSTEM",
            rid: 18,
            host: "Local-ManagementShell-Unknown",
            process: &process,
        },
    });
    let service = r"C:\Program Files\Microsoft\Exchange Server\V15\Bin\MSExchangeMailboxReplication.exe";
    let written = request.time.plus_ms(19_566);
    collection.file_created(written, 9_944, service, r"C:\ProgramData\pst\nele.orban.pst");
    let packed = archive.started().plus_ms(112);
    collection.file_created(packed, archive.program(), r"C:\ProgramData\7z.exe", r"C:\ProgramData\w4.zip");
}
