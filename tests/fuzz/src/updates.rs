//! Files that a node reads before it takes another system: a manifest, signatures, and the keys
//! that it trusts.

use boot::update::manifest::Manifest;
use kit::trust::{self, Keys};

/// A manifest: what is believed names files beside it, of a length and with a sum.
pub fn manifest(input: &[u8]) {
    let Ok(manifest) = Manifest::parse(input, "x86_64") else { return };
    assert!((1..=16).contains(&manifest.segments.len()) && manifest.bytes() > 0);
    for file in manifest.segments.iter().chain([&manifest.kernel]) {
        assert!(!file.name.contains(['/', '\\', '?', '#', ' ']) && !file.name.starts_with('.') && !file.name.is_empty());
        assert!(file.bytes > 0 && file.bytes <= 1 << 30 && file.sha256.len() == 64);
    }
}

/// A signature, and a file of keys: nothing that anybody can write is a signature over this by a key of that.
pub fn signature(input: &[u8]) {
    let _ = trust::signature(input);
    let Ok(keys) = Keys::parse(&String::from_utf8_lossy(input)) else { return };
    assert!(keys.check("it", b"nobody has signed this", input).is_err());
}
