//! The core segment: the binary, a link for each of its applets, the skeleton.

use std::path::Path;

use crate::{Archive, Error, list};

/// Path of the binary; `kit::paths::BINARY` says the same to the applets.
const BINARY: &str = "/bin/kutties";
/// The binary's section that lists its links, one path a line.
const LINKS: &str = ".kutties.applets";
/// Links without which the kernel can't use the system: its first process, and its helper for modules.
const NEEDED: &[&str] = &["/init", "/sbin/modprobe"];

/// The paths that the binary wants to be called by. It may be for another processor: it is read, not run.
pub fn links(binary: &[u8]) -> Result<Vec<String>, Error> {
    let section =
        format::elf::section(binary, LINKS).ok_or_else(|| Error(format!("read the binary: it has no section {LINKS}")))?;
    let text = std::str::from_utf8(section).map_err(|_| Error(format!("read the binary: section {LINKS} is not UTF-8")))?;
    // The directory of `/init` is `/`, and so its path begins with two.
    Ok(text.lines().map(|line| format!("/{}", line.trim_start_matches('/'))).collect())
}

/// The segment: `lists/core.list` of `dir` with its `skeleton/`, the binary and its links.
pub fn build(dir: &Path, binary: &[u8]) -> Result<Archive, Error> {
    let mut archive = Archive::new();
    let path = dir.join("lists/core.list");
    let list = std::fs::read_to_string(&path).map_err(|e| Error(format!("read {}: {e}", path.display())))?;
    list::add(&mut archive, &list, &dir.join("skeleton")).map_err(|e| Error(format!("read {}: {e}", path.display())))?;
    archive.file(BINARY, 0o755, binary)?;
    for link in links(binary)? {
        archive.link(&link, BINARY)?;
    }
    match NEEDED.iter().find(|path| archive.get(path).is_none()) {
        Some(path) => Err(Error(format!("build the core segment: the binary has no applet for {path}"))),
        None => Ok(archive),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::Node;

    #[test]
    fn the_list_and_the_skeleton_agree() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut archive = Archive::new();
        let list = std::fs::read_to_string(dir.join("lists/core.list")).unwrap();
        list::add(&mut archive, &list, &dir.join("skeleton")).unwrap();
        assert_eq!(archive.get("/tmp"), Some(&Node::Directory(0o1777)));
        for file in std::fs::read_dir(dir.join("skeleton/etc")).unwrap() {
            let path = format!("/etc/{}", file.unwrap().file_name().to_string_lossy());
            assert!(archive.get(&path).is_some(), "no list names {path}");
        }
    }

    #[test]
    fn a_binary_without_the_section_is_an_error() {
        let error = links(b"\x7fELF").unwrap_err().to_string();
        assert!(error.contains(LINKS), "{error}");
    }
}
