//! Version that the image builder writes into the finished program, so that a new commit costs no new compilation.

use std::sync::OnceLock;

/// Longest version, in bytes. The builder fills a shorter one with spaces.
const LEN: usize = 64;

/// Place of the version, found by its section's name. Spaces: nobody has written one.
#[used]
// SAFETY: plain bytes, which nothing executes.
#[unsafe(link_section = ".kutties.version")]
static VERSION: [u8; LEN] = [b' '; LEN];

/// Version that was written into this program; empty in one that no image builder made.
pub fn written() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        // SAFETY: a valid reference to initialised bytes. Volatile, because the compiler would else take the spaces for the content.
        let bytes = unsafe { std::ptr::read_volatile(&raw const VERSION) };
        String::from_utf8_lossy(&bytes).trim().to_owned()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_test_has_no_version() {
        assert_eq!(super::written(), "");
    }
}
