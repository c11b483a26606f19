//! No configuration, export or page makes a reader panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_artifact::{Kind, WindowsPath, document};

fuzz_target!(|data: &[u8]| {
    let path = WindowsPath::find("C/inetpub/wwwroot/aspnet_client/x.aspx");
    for kind in [
        Kind::WebScript,
        Kind::IisConfiguration,
        Kind::CompiledPage,
        Kind::VirtualDirectory,
        Kind::RegistryExport,
    ] {
        let (entries, _) = document::read(kind, "x", &path, data, data.len() as u64);
        for entry in entries {
            let _ = entry.value("element");
        }
    }
});
