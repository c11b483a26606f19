//! The second visit, and what is gone.
//!
//! The intruder returns through the chain's first steps on Thursday at 03:08, and an hour later deletes the
//! HttpProxy file that saw it and clears the Security log. IIS still has the visit. Another file, HttpProxy's Owa
//! hour of the night before, is missing without any trace of how: that must be found by absence alone.

use super::arrival::{Smuggled, smuggle};
use super::shell::{Use, use_shell};
use super::{INTRUDER, SECOND_HAND};
use crate::collection::{Collection, Log};
use crate::moment::Moment;
use crate::organisation::INSTALL;
use crate::web::Protocol;
use crate::windows;

pub(super) fn write(collection: &mut Collection) {
    second_visit(collection);
    deletion(collection);
    clearing(collection);
    collection.remove(Log::HttpProxy(Protocol::Ecp), Moment::utc(3, 4, 3, 0, 0));
    collection.remove(Log::HttpProxy(Protocol::Owa), Moment::utc(3, 3, 21, 0, 0));
}

fn second_visit(collection: &mut Collection) {
    for (second, stem, status) in [
        (2, "/autodiscover/autodiscover.xml", 200),
        (4, "/mapi/emsmdb/", 200),
        (7, "/ecp/proxyLogon.ecp", 241),
        (13, "/EWS/Exchange.asmx", 200),
    ] {
        smuggle(
            collection,
            &Smuggled {
                time: Moment::utc(3, 4, 3, 8, 40).plus_seconds(second).plus_ms(377),
                client: INTRUDER,
                carrier: "/ecp/w7.js",
                agent: "python-requests/2.25.1",
                stem,
                query: "",
                status,
                took_ms: 301,
            },
        );
    }
}

/// The file of an hour can be deleted when the next has begun: until then it is open.
fn deletion(collection: &mut Collection) {
    let usage = Use {
        time: Moment::utc(3, 4, 4, 6, 12).plus_ms(450),
        client: SECOND_HAND,
        typed: r#"del "C:\Program Files\Microsoft\Exchange Server\V15\Logging\HttpProxy\Ecp\HttpProxy_2021030403-1.LOG""#,
        starts: None,
        took_ms: 166,
    };
    use_shell(collection, &usage);
    let file = format!(r"{INSTALL}\Logging\HttpProxy\Ecp\HttpProxy_2021030403-1.LOG");
    collection.file_deleted(
        usage.time.minus_ms(130),
        usage.interpreter(),
        r"C:\Windows\System32\cmd.exe",
        &file,
    );
}

fn clearing(collection: &mut Collection) {
    let usage = Use {
        time: Moment::utc(3, 4, 4, 7, 5).plus_ms(870),
        client: SECOND_HAND,
        typed: "wevtutil cl Security",
        starts: Some((r"C:\Windows\System32\wevtutil.exe", "wevtutil  cl Security")),
        took_ms: 340,
    };
    use_shell(collection, &usage);
    collection.event(windows::log_cleared(usage.time.minus_ms(240)));
}
