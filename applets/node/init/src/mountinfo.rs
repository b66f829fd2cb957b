//! The table of mounts, proc_pid_mountinfo(5).

use std::fs;

use kit::{Context, Result};

const TABLE: &str = "/proc/self/mountinfo";

/// Read the table.
pub fn read() -> Result<String> {
    fs::read_to_string(TABLE).on("read", TABLE)
}

/// True when something is mounted at that path.
pub fn is_mounted(table: &str, at: &str) -> bool {
    table.lines().any(|line| line.split(' ').nth(4) == Some(at))
}

/// Identifiers of the mount that is the root directory, and of the mount below it; none without a
/// line for the root. Of several mounts over one another the last line is the topmost.
fn root(table: &str) -> Option<(u64, u64)> {
    let line = table.lines().rfind(|line| line.split(' ').nth(4) == Some("/"))?;
    let mut fields = line.split(' ').map(|field| field.parse().ok());
    Some((fields.next()??, fields.next()??))
}

/// True when the root directory's mount lies on another one. The mount at the top of the tree names
/// itself as its parent: before Linux 7.0 that is the initramfs, from then on an empty file system
/// that nobody can write to (nullfs) with the initramfs on it.
pub fn root_has_parent(table: &str) -> bool {
    root(table).is_some_and(|(own, parent)| own != parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_initramfs_at_the_top_of_the_tree_has_no_parent() {
        // Linux 6.12, before anything else was mounted, and with /proc.
        assert!(!root_has_parent("1 1 0:2 / / rw - rootfs rootfs rw,size=245000k,nr_inodes=61250\n"));
        let more = "1 1 0:2 / / rw - rootfs rootfs rw\n20 1 0:18 / /proc rw,nosuid - proc proc rw\n";
        assert!(!root_has_parent(more));
    }

    #[test]
    fn an_initramfs_on_nullfs_has_one() {
        // Linux 7.0: the mount at the top is out of reach, so it has no line.
        assert!(root_has_parent("2 1 0:2 / / rw - rootfs rootfs rw\n20 2 0:18 / /proc rw - proc proc rw\n"));
    }

    #[test]
    fn the_topmost_of_several_roots_counts() {
        assert!(root_has_parent("1 1 0:2 / / rw - rootfs rootfs rw\n25 1 0:30 / / rw shared:1 - tmpfs tmpfs rw\n"));
    }

    #[test]
    fn a_damaged_table_says_nothing() {
        for table in ["", "\n", "x 1 0:2 / / rw - rootfs rootfs rw\n", "2\n", "2 1 0:2 / /root rw - tmpfs tmpfs rw\n"] {
            assert!(!root_has_parent(table), "{table:?}");
        }
    }

    #[test]
    fn a_mount_point_is_the_whole_field() {
        let table = "30 22 254:1 / /var/lib rw shared:9 - ext4 /dev/vda1 rw\n";
        assert!(is_mounted(table, "/var/lib"));
        assert!(!is_mounted(table, "/var"));
    }
}
