//! SHA-256 and SHA-512, the two digests of images (image-spec, "Registered algorithms"). ring's, because its assembly is fast whatever
//! the rest of the binary was optimised for.

use std::fmt::Write;

use ring::digest::{Context, SHA256, SHA512};

/// Begins the digests by SHA-512.
const SHA512_PREFIX: &str = "sha512:";

/// A digest in the making.
pub struct Hash(Context);

impl Hash {
    /// Of nothing so far, by SHA-256.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Of nothing so far, by the algorithm of a digest that it is to be compared with.
    pub fn like(digest: &str) -> Self {
        Self(Context::new(if digest.starts_with(SHA512_PREFIX) { &SHA512 } else { &SHA256 }))
    }

    /// More bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// `sha256:` or `sha512:` and the hash.
    pub fn digest(self) -> String {
        let prefix = if self.0.algorithm() == &SHA512 { SHA512_PREFIX } else { "sha256:" };
        let mut text = String::from(prefix);
        for byte in self.0.finish().as_ref() {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

/// `sha256:` and the hash of bytes.
pub fn digest(bytes: &[u8]) -> String {
    digest_like("sha256:", bytes)
}

/// The digest of bytes by the algorithm of another digest.
pub fn digest_like(other: &str, bytes: &[u8]) -> String {
    let mut hash = Hash::like(other);
    hash.update(bytes);
    hash.digest()
}
