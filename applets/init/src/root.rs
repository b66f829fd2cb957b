//! Leaving rootfs, so that `pivot_root` works in containers.
//!
//! The kernel refuses to pivot away from the mount at the top of the tree, which is where an initramfs runs. A bind mount of
//! "/" over itself has a parent; stepping into it costs three system calls and copies nothing. (Al Viro's idea, on the kernel's
//! mailing list 2020-03-05.) Must come before any other mount or process.

use kit::{Context, Result};
use rustix::fs::statfs;
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
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
    Ok(if in_ram { String::new() } else { "already off rootfs".into() })
}
