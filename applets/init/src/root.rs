//! Leaving rootfs, so that `pivot_root` works in containers, and our own file out of their reach.
//!
//! The kernel refuses to pivot away from the mount at the top of the tree, which is where an initramfs runs. A bind mount of
//! "/" over itself has a parent; stepping into it costs three system calls and copies nothing. (Al Viro's idea, on the kernel's
//! mailing list 2020-03-05.) Must come before any other mount or process.

use kit::{Context, Result, paths};
use rustix::fs::statfs;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_change, mount_remount};
use rustix::process::{chdir, chroot};

use crate::Machine;

/// linux/magic.h: what an initramfs may lie on.
const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

/// Step into a bind mount of "/" when it is a file system in RAM, and share it with later namespaces.
pub fn leave(_: &mut Machine) -> Result<String> {
    let kind = statfs("/").on("look at", "/")?.f_type as i64;
    let in_ram = kind == TMPFS || kind == RAMFS;
    if in_ram {
        // rustix's type for propagation flags holds MS_REC too, but as another type than the bind flag.
        let recursive = MountFlags::from_bits_retain(MountPropagationFlags::REC.bits());
        mount("/", "/", c"", MountFlags::BIND | recursive, None).on("bind", "/")?;
        chdir("/..").on("go to", "/..")?;
        chroot(".").on("make the new root of", "/..")?;
        chdir("/").on("go to", "/")?;
    }
    mount_change("/", MountPropagationFlags::SHARED | MountPropagationFlags::REC).on("share", "/")?;
    if in_ram {
        protect()?;
    }
    Ok(if in_ram { String::new() } else { "already off rootfs".into() })
}

/// Have all later processes run our file by way of a mount that nobody can write through: those that go into containers, where
/// their file is within reach (CVE-2019-5736), would otherwise each start again from such a mount (`kit::own`). Where the system
/// lies on a disk that is left to them, since there the file may be replaced.
fn protect() -> Result<()> {
    mount_bind(paths::BINARY, paths::BINARY).on("bind", paths::BINARY)?;
    mount_remount(paths::BINARY, MountFlags::BIND | MountFlags::RDONLY, c"").on("make read-only", paths::BINARY)
}
