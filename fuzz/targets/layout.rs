//! No header and no line makes a row panic, whatever the dialect.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_artifact::layout::{Cells, Dialect};
use watchfire_artifact::{Kind, Layout, lines};

fuzz_target!(|data: &[u8]| {
    let Some((&choice, data)) = data.split_first() else { return };
    let (kind, dialect) = [
        (Kind::Iis, Dialect::W3c),
        (Kind::HttpProxy, Dialect::Csv),
        (Kind::EcpServer, Dialect::Csv),
        (Kind::Audit, Dialect::Csv),
        (Kind::AccessLog, Dialect::Ncsa),
        (Kind::OabGenerator, Dialect::Free),
    ][usize::from(choice) % 6];
    let mut layout = if kind == Kind::AccessLog { Layout::ncsa() } else { Layout::new(kind, dialect) };
    let mut cells = Cells::default();
    for line in lines::ranges(data) {
        layout.directive(&data[line.clone()]);
        let record = layout.record(data, line);
        let row = layout.row(&data[record], &mut cells);
        let _ = (row.time(), row.host(), row.client(), row.request(), row.build());
        for name in
            layout.columns().iter().map(String::as_str).chain(["uri", "CMD", "Parameters", "Path", "Message"])
        {
            let _ = row.named(name);
        }
    }
});
