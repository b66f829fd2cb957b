//! The command of `--to-command`, which learns of each file from its environment.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Stdio};

use kit::{Context, Result};

use super::options::Options;
use super::pax::time_text;
use crate::files::member::Member;

/// Start it for a file.
pub(super) fn start(command: &OsStr, member: &Member, options: &Options) -> Result<Child> {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).stdin(Stdio::piped());
    shell.env("TAR_VERSION", env!("CARGO_PKG_VERSION"));
    if let Some(archive) = &options.archive {
        shell.env("TAR_ARCHIVE", archive);
    }
    let name = OsStr::from_bytes(&member.name);
    shell.env("TAR_FILETYPE", "f").env("TAR_FILENAME", name).env("TAR_REALNAME", name);
    shell.env("TAR_UNAME", OsStr::from_bytes(&member.user)).env("TAR_GNAME", OsStr::from_bytes(&member.group));
    shell.env("TAR_UID", member.uid.to_string()).env("TAR_GID", member.gid.to_string());
    shell.env("TAR_MODE", format!("{:04o}", member.mode)).env("TAR_SIZE", member.size.to_string());
    shell.env("TAR_BLOCKING_FACTOR", (options.record / 512).to_string());
    shell.env("TAR_MTIME", time_text(member.mtime));
    for (key, time) in [("TAR_ATIME", member.atime), ("TAR_CTIME", member.ctime)] {
        if let Some(time) = time {
            shell.env(key, time_text(time));
        }
    }
    shell.spawn().on("start", "/bin/sh")
}
