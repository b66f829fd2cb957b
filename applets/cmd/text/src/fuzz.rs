//! Entry points of `tests/fuzz` for the parsers of untrusted input: each takes any bytes, and panics when an invariant does not hold.
#![expect(clippy::missing_panics_doc, reason = "to a broken invariant is reported to the fuzzer by a panic")]

/// A text and, behind its first zero byte, a patch for it.
pub fn patch(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, patch) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
    let Ok(all) = crate::patch::results(text, patch) else { return };
    for result in all.into_iter().flatten() {
        // Each line may get an end that it lacks.
        let most = 2 * (text.len() + patch.len()) + 1;
        assert!(result.len() <= most, "a patched text is longer than text and patch");
    }
}
