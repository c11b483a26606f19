//! The Internet's ordinary noise, and a day's software update: what a hunt must not take for an intrusion.
//!
//! Three mass scanners knock during the week. They ask for things that do not exist, for one download that every
//! Exchange server gives away, and at the end for other people's shells, which this server answers with a redirect
//! or a 404.

use crate::collection::Collection;
use crate::moment::Moment;
use crate::random::Random;
use crate::web::{Protocol, Request};
use crate::windows;

const ZGRAB: &str = "Mozilla/5.0 zgrab/0.x";
const OLD_BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/62.0.3202.62 Safari/537.36";

/// Fills the whole week.
pub(crate) fn write(collection: &mut Collection, random: &mut Random) {
    zgrab(collection, random);
    list_of_paths(collection, random);
    seekers_of_shells(collection);
    software_update(collection);
}

/// Once a day, from a network that counts servers.
fn zgrab(collection: &mut Collection, random: &mut Random) {
    for (month, day) in [(2, 26), (2, 27), (2, 28), (3, 1), (3, 2), (3, 3), (3, 4)] {
        let time = Moment::utc(month, day, random.between(0, 24) as i8, random.between(0, 60) as i8, 11);
        let time = time.plus_ms(random.between(0, 900) as i64);
        let client = "198.51.100.77";
        let ask = |protocol, delay_ms, stem| {
            Request::new(time.plus_ms(delay_ms), protocol, "GET", stem).from(client, ZGRAB)
        };
        collection.request(&Request { status: 301, ..ask(None, 0, "/") });
        collection.request(&Request { status: 302, ..ask(Some(Protocol::Owa), 740, "/owa/") });
        let tool = "/ecp/Current/exporttool/microsoft.exchange.ediscovery.exporttool.application";
        collection.request(&ask(Some(Protocol::Ecp), 1_480, tool));
    }
}

/// A list of paths of other people's software: IIS is the only witness.
fn list_of_paths(collection: &mut Collection, random: &mut Random) {
    const PATHS: [&str; 7] = [
        "/.env",
        "/wp-login.php",
        "/phpmyadmin/index.php",
        "/solr/admin/info",
        "/.git/config",
        "/robots.txt",
        "/cgi-bin/",
    ];
    for (month, day, hour) in [(2, 26, 21), (3, 1, 4), (3, 2, 23)] {
        let start = Moment::utc(month, day, hour, random.between(0, 50) as i8, 3).plus_ms(187);
        for (place, path) in PATHS.iter().enumerate() {
            let request = Request::new(start.plus_ms(place as i64 * 610), None, "GET", path);
            collection.request(&Request { status: 404, ..request.from("198.51.100.140", OLD_BROWSER) });
        }
    }
}

/// Thursday noon: somebody looks for shells that others may have left. None of these names exists here.
fn seekers_of_shells(collection: &mut Collection) {
    let start = Moment::utc(3, 4, 11, 48, 20);
    let ask = |protocol, delay_ms, stem, status| Request {
        status,
        ..Request::new(start.plus_ms(delay_ms), protocol, "GET", stem).from("203.0.113.9", OLD_BROWSER)
    };
    for request in [
        ask(Some(Protocol::Owa), 0, "/owa/auth/zzfind1.aspx", 302),
        ask(Some(Protocol::Owa), 820, "/owa/auth/Current/zzfind2.aspx", 302),
        ask(None, 1_660, "/aspnet_client/zzfind3.aspx", 404),
        ask(None, 2_410, "/aspnet_client/system_web/zzfind4.aspx", 404),
    ] {
        collection.request(&request);
    }
}

/// Monday: a runtime library is updated, as a hundred times a year.
fn software_update(collection: &mut Collection) {
    let time = Moment::utc(3, 1, 18, 2, 44);
    for (delay, provider, id, message) in [
        (
            0,
            "MsiInstaller",
            1_040,
            r"Beginning a Windows Installer transaction: C:\Windows\Temp\example-runtime.msi. Client Process Id: 5120.",
        ),
        (
            38,
            "MsiInstaller",
            1_033,
            "Windows Installer installed the product. Product Name: Example Runtime. Product Version: 14.28.29910. Product Language: 1033. Manufacturer: Example Software. Installation success or error status: 0.",
        ),
        (
            39,
            "MsiInstaller",
            1_042,
            r"Ending a Windows Installer transaction: C:\Windows\Temp\example-runtime.msi. Client Process Id: 5120.",
        ),
    ] {
        collection.event(windows::application(time.plus_seconds(delay), provider, id, 4, message));
    }
    collection.event(windows::service(time.minus_ms(2_400), "Windows Installer", "running"));
    collection.event(windows::service(time.plus_seconds(641), "Windows Installer", "stopped"));
}
