//! Notes of a release: the changelog's section, the boards with their images, and the check of a
//! download.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};

use crate::manifest::Manifest;
use crate::segment::megabytes;

/// Heading of the changelog's changes since the last release.
const UNRELEASED: &str = "Unreleased";

/// Check of a download, for people who have OpenSSL and no node.
const CHECK: &str = "## Check of a download

`SHA256SUMS` has the sum of each file. `SHA256SUMS.sig` is its Ed25519 signature, `kutties.pub` the
public key, both in hexadecimal. With OpenSSL 3:

```console
$ sha256sum --check --quiet SHA256SUMS
$ (printf 302a300506032b6570032100; cat kutties.pub) | xxd -r -p >key.der
$ xxd -r -p SHA256SUMS.sig >sums.bin
$ openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey key.der -in SHA256SUMS -sigfile sums.bin
```

Each board's `manifest.json` is signed by the same key. A node that has it in
/etc/kutties/update.pub takes the system of its board from a web server that has these files:
`kutties update http://SERVER/BOARD/`.
";

/// Board of a release.
pub struct Row<'a> {
    /// Description from the board's file.
    pub about: &'a str,
    /// Manifest of the copied files.
    pub manifest: &'a Manifest,
}

/// Tells if a version is a release's own, at a commit with its tag.
pub fn is_release(version: &str) -> bool {
    !version.contains('-')
}

/// Returns the section of the changelog for a version: its own for a release, else the unreleased
/// changes.
///
/// # Errors
/// There is no such section, or it is empty.
pub fn section<'a>(changelog: &'a str, version: &str) -> Result<&'a str> {
    let wanted = if is_release(version) { version } else { UNRELEASED };
    let name = |heading: &'a str| heading.split([' ', '\n']).next().unwrap_or_default().trim_matches(['[', ']']);
    let mut sections = changelog.split("\n## ").skip(1);
    let found = sections.find(|section| name(section) == wanted);
    let found = found.with_context(|| format!("CHANGELOG.md has no section {wanted}"))?;
    let body = found.split_once('\n').map_or("", |(_, body)| body).trim();
    ensure!(!body.is_empty(), "the section {wanted} of CHANGELOG.md is empty");
    Ok(body)
}

/// Returns the text of the notes; `missing` are boards that were not built, with the reasons.
pub fn text(version: &str, section: &str, rows: &[Row<'_>], missing: &[(String, String)]) -> String {
    let mut text = format!("# kutties {version}\n\n{section}\n\n## Boards\n\n");
    text.push_str("| directory | machine | kernel | files | MB |\n|---|---|---|---|---|\n");
    for Row { about, manifest } in rows {
        let names: Vec<String> = manifest.files.iter().map(|file| format!("`{}`", file.name)).collect();
        let bytes = manifest.files.iter().map(|file| file.bytes).sum::<u64>();
        let Manifest { board, kernel_release, .. } = manifest;
        let line = format!("| `{board}` | {about} | {kernel_release} | {} | {:.0} |", names.join(", "), megabytes(bytes));
        let _ = writeln!(text, "{line}");
    }
    if !missing.is_empty() {
        text.push_str("\nNot built:\n\n");
    }
    for (board, reason) in missing {
        let _ = writeln!(text, "* `{board}`: {reason}");
    }
    format!("{text}\n{CHECK}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const CHANGELOG: &str =
        "# Changelog\n\n## Unreleased\n\n### Added\n\n* new\n\n## [0.2.0] - 2026-12-01\n\n* old\n\n## 0.1.0\n";

    #[test]
    fn a_version_has_its_section() {
        assert_eq!(section(CHANGELOG, "0.2.0").unwrap(), "* old");
        assert_eq!(section(CHANGELOG, "0.3.0-480-g0123456789").unwrap(), "### Added\n\n* new");
        let error = |version: &str| section(CHANGELOG, version).unwrap_err().to_string();
        assert_eq!(error("0.3.0"), "CHANGELOG.md has no section 0.3.0");
        assert_eq!(error("0.1.0"), "the section 0.1.0 of CHANGELOG.md is empty");
        assert!(section("", "0.1.0").is_err());
    }

    #[test]
    fn the_changelog_of_the_repository_has_a_section() {
        let path = crate::place::repository().join("CHANGELOG.md");
        let changelog = std::fs::read_to_string(path).unwrap();
        assert!(changelog.contains(&format!("\n## {UNRELEASED}\n")));
        let newest = changelog.split("\n## ").skip(1).find(|section| section.lines().any(|line| line.starts_with("* ")));
        assert!(newest.is_some(), "CHANGELOG.md has no section with changes");
    }

    #[test]
    fn missing_boards_are_named_with_the_reason() {
        let missing = [("toaster".to_owned(), "it has no kernel".to_owned())];
        let text = text("0.2.0", "* old", &[], &missing);
        assert!(text.starts_with("# kutties 0.2.0\n\n* old\n\n## Boards\n"), "{text}");
        assert!(text.contains("\nNot built:\n\n* `toaster`: it has no kernel\n\n## Check of a download\n"), "{text}");
    }
}
