//! The Debian package: built by its script, with a unit that shuts the node in.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)] // a test that cannot go on stops

use std::path::Path;
use std::process::Command;

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_package_is_built_and_holds_what_it_must() {
    if !is_there("dpkg-deb") || !is_there("dpkg") {
        println!("skipped: no dpkg-deb here");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = tempfile::tempdir().unwrap();
    let build = || {
        let done = Command::new("sh")
            .arg(root.join("packaging/deb.sh"))
            .args([Path::new(env!("CARGO_BIN_EXE_watchfire")), out.path()])
            .envs([("DEB_COMPRESSION", "none"), ("DEB_KEEP_SYMBOLS", "1")])
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let file = std::fs::read_dir(out.path()).unwrap().next().unwrap().unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        (file, bytes)
    };
    let (file, first) = build();
    let (_, second) = build();
    assert!(first == second, "the same binary gives the same package");
    let unpacked = out.path().join("unpacked");
    let run = |arguments: &[&str]| {
        let done = Command::new("dpkg-deb").args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    run(&["--raw-extract", file.to_str().unwrap(), unpacked.to_str().unwrap()]);
    let version = Command::new(unpacked.join("usr/bin/watchfire")).arg("--version").output().unwrap();
    assert!(version.status.success());
    let fields = run(&["--field", file.to_str().unwrap(), "Package", "Version"]);
    assert!(fields.contains("watchfire") && fields.contains(env!("CARGO_PKG_VERSION")), "{fields}");
    let listed = run(&["--contents", file.to_str().unwrap()]);
    assert!(listed.lines().all(|line| line.contains("root/root")), "{listed}");
    for held in ["usr/share/doc/watchfire/copyright", "usr/share/doc/watchfire/node.md", "DEBIAN/postinst"] {
        assert!(unpacked.join(held).exists(), "{held}");
    }
    let unit = std::fs::read_to_string(unpacked.join("lib/systemd/system/watchfire.service")).unwrap();
    for line in [
        "User=watchfire",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "MemoryDenyWriteExecute=yes",
        "UMask=0077",
    ] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
    for script in ["postinst", "prerm", "postrm"] {
        let checked = Command::new("sh").arg("-n").arg(root.join("packaging").join(script)).status().unwrap();
        assert!(checked.success(), "{script}");
    }
}
