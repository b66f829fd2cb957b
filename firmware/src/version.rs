//! Version of a build: the package's, and the commit where the sources are a git checkout.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::place;

/// Section of the program that holds the version, filled with spaces.
const SECTION: &str = ".kutties.version";
/// Version of the packages.
const PACKAGE: &str = env!("CARGO_PKG_VERSION");

/// `X.Y.Z` at a commit with the tag `vX.Y.Z`, else `X.Y.Z-N-gCOMMIT` with the number of commits,
/// and `-dirty` behind it when files differ from the commit; `X.Y.Z` without git.
pub fn text() -> String {
    let repository = place::repository();
    let Some(commit) = git(&repository, &["rev-parse", "--short=10", "HEAD"]) else { return PACKAGE.to_owned() };
    let is_dirty = git(&repository, &["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
    let tags = git(&repository, &["tag", "--points-at", "HEAD"]).unwrap_or_default();
    let count = git(&repository, &["rev-list", "--count", "HEAD"]).unwrap_or_default();
    described(&tags, &count, &commit, is_dirty)
}

fn described(tags: &str, count: &str, commit: &str, is_dirty: bool) -> String {
    let is_release = tags.lines().any(|tag| tag.strip_prefix('v') == Some(PACKAGE));
    let base = if is_release { PACKAGE.to_owned() } else { format!("{PACKAGE}-{count}-g{commit}") };
    if is_dirty { format!("{base}-dirty") } else { base }
}

/// Returns git's output; none when it fails or is not there.
fn git(repository: &Path, words: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(repository).args(words).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Writes the version into a program.
///
/// # Errors
/// The program has no place for it, or one that is too short.
pub fn write(program: &mut [u8], version: &str) -> Result<()> {
    let section = format::elf::section(program, SECTION).with_context(|| format!("find the section {SECTION}"))?;
    ensure!(version.len() <= section.len(), "the version {version} is longer than {} bytes", section.len());
    ensure!(section.iter().all(|byte| *byte == b' '), "the section {SECTION} is not empty");
    let (at, len) = (section.as_ptr() as usize - program.as_ptr() as usize, section.len());
    let place = program.get_mut(at..at + len).context("the section is not in the file")?;
    place[..version.len()].copy_from_slice(version.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_release() {
        assert_eq!(described(&format!("other\nv{PACKAGE}"), "480", "0123456789", false), PACKAGE);
        assert_eq!(described("v9.9.9", "480", "0123456789", false), format!("{PACKAGE}-480-g0123456789"));
        assert_eq!(described("", "480", "0123456789", true), format!("{PACKAGE}-480-g0123456789-dirty"));
    }

    #[test]
    fn a_program_without_a_place_is_refused() {
        assert!(write(&mut b"\x7fELF\x02\x01".to_vec(), "1").is_err());
    }
}
