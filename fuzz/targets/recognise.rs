//! Whatever a file begins with, it is recognised as something, and its log is read line by line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use watchfire_artifact::layout::Cells;
use watchfire_artifact::{WindowsPath, lines, recognise};

fuzz_target!(|data: &[u8]| {
    let (path, content) = data.split_at(data.len().min(24));
    let path = String::from_utf8_lossy(path);
    let windows = WindowsPath::find(&path);
    let _ = (windows.web_folder(), windows.below_exchange(), windows.extension());
    let (recognised, _) = recognise(&path, &windows, content);
    let text = recognised.encoding.decode_all(content);
    let Some(mut layout) = recognised.layout else { return };
    let mut cells = Cells::default();
    for line in lines::ranges(&text) {
        layout.directive(&text[line.clone()]);
        let row = layout.row(&text[line], &mut cells);
        let _ = (row.time(), row.host(), row.client(), row.request(), row.build());
    }
});
