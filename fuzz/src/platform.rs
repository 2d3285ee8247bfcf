use orz_compiler::Platform;
use orz_core::id::TenantName;

use super::compiled::{Files, checked_compile, checked_compile_of, platform_files};
use super::reading::check_diagnostics;

/// The files of platform data, each under the letter that names it in an input.
const PLACES: [(u8, &str); 11] = [
    (b'a', "platform/apps.json"),
    (b'c', "platform/clusters.json"),
    (b'e', "platform/egress.json"),
    (b'i', "platform/images.json"),
    (b'k', "platform/connectors/sms.json"),
    (b'h', "platform/connectors/http.json"),
    (b'p', "platform/plans.json"),
    (b'r', "platform/reconciler.json"),
    (b's', "platform/settings.json"),
    (b't', "platform/tenants/acme.json"),
    (b'v', "platform/volumes.json"),
];

/// Whatever an operator writes is refused or gives a platform on which a bundle compiles or is refused, without a panic.
///
/// The input is a list of files with zero bytes between them; the first byte of each says which one it is.
pub fn platform(data: &[u8]) {
    let mut files = platform_files();
    for part in data.split(|byte| *byte == 0) {
        let Some((letter, bytes)) = part.split_first() else {
            continue;
        };
        let path = match PLACES.iter().find(|(known, _)| known == letter) {
            Some((_, path)) => *path,
            None => "platform/secret-stores.json",
        };
        files.insert(path.to_owned(), bytes.to_vec());
    }
    let loaded = Platform::load(&files);
    check_diagnostics(&loaded.diagnostics, &loaded.sources);
    assert_eq!(
        loaded.value.is_none(),
        loaded.diagnostics.has_errors(),
        "no platform if and only if there is an error"
    );
    if let Some(platform) = loaded.value {
        checked_compile(&everything(), &platform);
        let own = checked_compile_of(&TenantName::platform(), &Files::new(), &platform);
        assert!(own.is_some(), "what loads can be released");
    }
}

/// A bundle that uses every section, so that all of the platform's data is asked for.
fn everything() -> Files {
    let bytes = include_bytes!("../platform/bundle.json").to_vec();
    Files::from([("tenants/acme/bundle.json".to_owned(), bytes)])
}
