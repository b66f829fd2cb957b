//! Features of the host that decide which requests it can honour.

use std::fs;
use std::path::Path;

use kit::{Context, Error, Result};

use cri_api::MountPropagation;

/// Tells if the kernel enforces or could enforce SELinux' labels. Without it labels mean nothing, and a pod that brings some (network
/// plugins do) runs as on any other node without it.
pub fn has_selinux() -> bool {
    Path::new("/sys/fs/selinux/enforce").exists()
}

/// The kernel's command line.
pub fn command_line() -> String {
    fs::read_to_string("/proc/cmdline").unwrap_or_default()
}

/// Fail when mounts on the source can't spread as they are asked to: the mount that the source is on must itself share them.
pub fn spreads(source: &Path, how: MountPropagation) -> Result<()> {
    let wanted: &[&str] = match how {
        MountPropagation::PropagationPrivate => return Ok(()),
        MountPropagation::PropagationHostToContainer => &["shared:", "master:"],
        MountPropagation::PropagationBidirectional => &["shared:"],
    };
    let table = fs::read_to_string("/proc/self/mountinfo").doing("read the mounts")?;
    let tags = tags(&table, source);
    if tags.iter().any(|tag| wanted.iter().any(|wanted| tag.starts_with(wanted))) {
        Ok(())
    } else {
        Err(Error::new(format!("mount {}: the mount that it is on does not share what is mounted there", source.display())))
    }
}

/// The optional fields of the mount that a path is on, see proc_pid_mountinfo(5): of the deepest place, the last one mounted.
fn tags<'a>(table: &'a str, path: &Path) -> Vec<&'a str> {
    let mut deepest = (0, Vec::new());
    for line in table.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let Some(place) = fields.get(4).map(|place| unescaped(place)) else { continue };
        if path.starts_with(&place) && place.len() >= deepest.0 {
            let tags = fields[6.min(fields.len())..].iter().copied().take_while(|field| *field != "-").collect();
            deepest = (place.len(), tags);
        }
    }
    deepest.1
}

/// The kernel writes blanks in paths as octal numbers.
fn unescaped(place: &str) -> String {
    place.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 0:21 / / rw shared:1 - tmpfs root rw
30 22 0:30 / /var rw shared:2 master:7 - tmpfs var rw
31 30 0:31 / /var/a\\040b rw - tmpfs x rw
32 22 0:32 / /dark rw - tmpfs x rw
33 22 0:33 / /dark rw master:3 - tmpfs y rw
";

    #[test]
    fn the_deepest_and_last_mount_counts() {
        let of = |path: &str| tags(TABLE, Path::new(path));
        assert_eq!(of("/etc"), ["shared:1"]);
        assert_eq!(of("/var/lib"), ["shared:2", "master:7"]);
        assert_eq!(of("/var/a b/c"), [""; 0]);
        assert_eq!(of("/darker"), ["shared:1"]);
        assert_eq!(of("/dark/x"), ["master:3"]);
    }
}
