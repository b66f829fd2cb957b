//! The process's working folder: made in the container's root where it is missing, as runc does. Below a mount it must be
//! there already, as the mounts come later.

use std::path::{Component, Path};

use kit::{Context, Result};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, mkdirat, openat2};
use rustix::io::Errno;
use serde_json::Value;

/// Make it. Every step is taken inside the root, whatever links lie there.
pub fn make(spec: &Value, rootfs: &Path) -> Result<()> {
    let cwd = spec.pointer("/process/cwd").and_then(Value::as_str).unwrap_or("/");
    if below_mount(spec, cwd) || spec.pointer("/root/readonly").and_then(Value::as_bool).unwrap_or(false) {
        return Ok(());
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::openat(CWD, rootfs, flags, Mode::empty()).on("open root folder", rootfs)?;
    let mut walked = std::path::PathBuf::from("/");
    for part in Path::new(cwd).components().filter(|part| matches!(part, Component::Normal(_))) {
        let parent = openat2(&root, &walked, flags, Mode::empty(), ResolveFlags::IN_ROOT).on("open", &walked)?;
        walked.push(part);
        if openat2(&root, &walked, flags, Mode::empty(), ResolveFlags::IN_ROOT).is_ok() {
            continue;
        }
        match mkdirat(&parent, part.as_os_str(), Mode::from_raw_mode(0o755)) {
            // What is there and is no folder shows when the process goes there.
            Ok(()) | Err(Errno::EXIST | Errno::ROFS) => {}
            Err(e) => return Err(e).on("make working folder", cwd),
        }
    }
    Ok(())
}

fn below_mount(spec: &Value, cwd: &str) -> bool {
    let mounts = spec.get("mounts").and_then(Value::as_array).into_iter().flatten();
    let mut destinations = mounts.filter_map(|mount| mount.get("destination")?.as_str());
    destinations.any(|destination| destination != "/" && Path::new(cwd).starts_with(destination))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_made_inside_the_root_even_through_links() {
        let root = std::env::temp_dir().join(format!("oci-cwd-{}", std::process::id()));
        std::fs::create_dir_all(root.join("inside")).unwrap();
        std::os::unix::fs::symlink("/inside", root.join("link")).unwrap();
        make(&json!({"process": {"cwd": "/link/a/b"}}), &root).unwrap();
        assert!(root.join("inside/a/b").is_dir());
        make(&json!({"process": {"cwd": "/vol/x"}, "mounts": [{"destination": "/vol"}]}), &root).unwrap();
        assert!(!root.join("vol").exists());
        std::fs::remove_dir_all(root).unwrap();
    }
}
