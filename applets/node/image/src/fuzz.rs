//! Entry points of `tests/fuzz` for the parsers of untrusted input: each takes any bytes, and panics when an invariant does not hold.
#![expect(clippy::missing_panics_doc, reason = "to a broken invariant is reported to the fuzzer by a panic")]

use std::io::{self, Cursor};
use std::path::Path;

use crate::Reference;
use crate::registry::parsers::{challenge, decode, hosts, url};
use crate::tarball::Tar;

/// Limit of an entry's content here, in bytes.
const CONTENT: u64 = 1 << 20;

/// A manifest or an index, and the choice among its images; or an image's configuration.
pub fn manifest(bytes: &[u8]) {
    if let Ok(found) = crate::configuration::configuration(bytes) {
        let _ = crate::store::layer_names(found.rootfs().diff_ids());
    }
    let _ = decode(bytes);
}

/// `hosts.toml`.
pub fn hosts_toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(found) = hosts("registry.example", text, Path::new("/none")) else { return };
    assert!(!found.is_empty(), "nobody is to be asked");
}

/// Parses a field of a response's head (a challenge, a redirect) or an image's name. The first byte
/// says which.
pub fn words(bytes: &[u8]) {
    let Some((which, rest)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    match which % 3 {
        0 => drop(challenge(text)),
        1 => url(text),
        _ => {
            let Ok(name) = Reference::parse(text) else { return };
            assert!(!name.host().is_empty() && !name.path().is_empty(), "{text:?} is an image without a name");
            for whole in [name.tagged(), name.digested()].into_iter().flatten() {
                assert!(Reference::parse(&whole).is_ok(), "{text:?} is an image, and its own name {whole:?} is none");
            }
        }
    }
}

/// A layer's archive.
pub fn tar(bytes: &[u8]) {
    let mut tar = Tar::new(Cursor::new(bytes));
    let mut entries = 0;
    while let Ok(Some(entry)) = tar.next_entry() {
        entries += 1;
        assert!(entries * 512 <= bytes.len(), "there are more entries than blocks");
        assert!(entry.mode <= 0o7777, "{:o} has bits that no mode has", entry.mode);
        if entry.sparse.is_none() && tar.write_to(&mut io::sink(), CONTENT).is_err() {
            return;
        }
    }
}
