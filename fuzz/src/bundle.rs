use std::sync::OnceLock;

use orz_compiler::Platform;
use orz_core::Value;
use orz_core::diag::{RenderOptions, render};

use super::compiled::{Files, checked_compile, compile_once, platform_files};

/// Where the parts of an input go. The first four are the tenant's, the last is the operator's.
const PLACES: [&str; 5] = [
    "tenants/acme/bundle.json",
    "tenants/acme/more.json",
    "tenants/acme/projects/shop/bundle.json",
    "tenants/acme/projects/shop/more.json",
    "platform/tenants/acme.json",
];

/// A compile never panics, says and emits the same twice, and emits only what a release may hold.
///
/// The input is `bundle.json`; zero bytes, which no JSON holds, split it into several files.
pub fn bundle(data: &[u8]) {
    let (mut files, mut operator) = (Files::new(), None);
    for (place, bytes) in PLACES.into_iter().zip(data.split(|byte| *byte == 0)) {
        if place.starts_with("platform/") {
            operator = Some(bytes);
        // An empty part is a file that is not there; an empty file is tried as the whole input.
        } else if !bytes.is_empty() || data.is_empty() {
            files.insert(place.to_owned(), bytes.to_vec());
        }
    }
    let own;
    let platform = match operator {
        None => shared_platform(),
        Some(bytes) => {
            own = load(&bytes_of_operator(bytes));
            &own
        }
    };
    if checked_compile(&files, platform).is_some() {
        order_does_not_matter(&files, platform);
    }
}

fn bytes_of_operator(bytes: &[u8]) -> Files {
    let mut files = platform_files();
    files.insert(PLACES[4].to_owned(), bytes.to_vec());
    files
}

fn shared_platform() -> &'static Platform {
    static PLATFORM: OnceLock<Platform> = OnceLock::new();
    PLATFORM.get_or_init(|| load(&platform_files()))
}

fn load(files: &Files) -> Platform {
    let loaded = Platform::load(files);
    loaded.value.unwrap_or_else(|| {
        let options = RenderOptions::default();
        panic!("{}", render(&loaded.diagnostics, &loaded.sources, options))
    })
}

/// The same bundle with every list of a section reversed and the files in another order gives the same manifests.
fn order_does_not_matter(files: &Files, platform: &Platform) {
    let mut reversed = Files::new();
    for (i, (path, bytes)) in files.iter().enumerate() {
        let mut document: Value =
            serde_json::from_slice(bytes).expect("what compiles is JSON without a key twice");
        let sections = document.as_object_mut().into_iter().flatten();
        for (_, section) in sections {
            if let Value::Array(entries) = section {
                entries.reverse();
            }
        }
        let (folder, _) = path.rsplit_once('/').expect("files stand in folders");
        let path = format!("{folder}/{}.json", files.len() - i);
        reversed.insert(path, escaped(&document.to_string()).into_bytes());
    }
    let parts = |files: &Files| {
        let compiled = compile_once(files, platform);
        compiled.output.map(|output| output.parts)
    };
    assert_eq!(
        parts(files),
        parts(&reversed),
        "the order of files or entries decides about the manifests"
    );
}

/// JSON in which every character that is not printable ASCII is an escape, because some are refused as they are.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if matches!(c, ' '..='~') {
            out.push(c);
        } else {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            out.extend(units.map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}
