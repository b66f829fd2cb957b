//! SHA-256, the one digest of images. ring's, because its assembly is fast whatever the rest of the binary was optimised for.

use std::fmt::Write;

use ring::digest::{Context, SHA256};

/// A digest in the making.
pub struct Hash(Context);

impl Hash {
    /// Of nothing so far.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// More bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// `sha256:` and the hash.
    pub fn digest(self) -> String {
        let mut text = String::from("sha256:");
        for byte in self.0.finish().as_ref() {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// `sha256:` and the hash of bytes.
pub fn digest(bytes: &[u8]) -> String {
    let mut hash = Hash::new();
    hash.update(bytes);
    hash.digest()
}
