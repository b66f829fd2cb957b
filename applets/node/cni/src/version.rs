//! Versions of the CNI specification.

/// The versions of the specification that we speak, oldest first. Before 0.3 answers had another form.
pub const VERSIONS: [&str; 5] = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// A spec version's rank: its place in [`VERSIONS`], or none when we do not speak it.
pub(crate) fn rank(version: &str) -> Option<usize> {
    VERSIONS.iter().position(|v| *v == version)
}

/// Tells if `version` is `least` or newer.
pub(crate) fn at_least(version: &str, least: &str) -> bool {
    rank(version) >= rank(least)
}
