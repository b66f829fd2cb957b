//! `payload/`: a kernel and one initramfs, as the trees of LinuxBoot and coreboot take them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::kernel::plain;
use crate::kind::{self, Job, Kind};
use crate::segment::replace;
use crate::sum;
use crate::uki::together;

/// Record of the kind.
pub const KIND: Kind = Kind {
    name: "payload",
    files: &[],
    others: &["payload/"],
    about: "kernel and one initramfs for LinuxBoot's and coreboot's trees; its `README` says where they go",
    arches: kind::BOTH,
    boots: &["kernel-and-initrd"],
    packed: false,
    make: write,
};

/// The directory.
const DIR: &str = "payload";

/// Writes the directory; the paths of its files.
fn write(job: &Job<'_>) -> Result<Vec<PathBuf>> {
    let (outputs, cmdline) = (job.outputs, job.cmdline.as_str());
    let dir = outputs.dir.join(DIR);
    fs::create_dir_all(&dir).with_context(|| format!("make {}", dir.display()))?;
    let read = |path: &Path| fs::read(path).with_context(|| format!("read {}", path.display()));
    let initramfs = together(outputs.segments().into_iter().map(read).collect::<Result<_>>()?);
    let mut files = vec![
        ("kernel", plain(read(&outputs.vmlinuz)?)?),
        ("initramfs.cpio.zst", initramfs),
        ("cmdline", format!("{cmdline}\n").into_bytes()),
        ("README", readme(cmdline).into_bytes()),
    ];
    let sums: Vec<String> = files.iter().map(|(name, bytes)| format!("{}  {name}\n", sum::bytes(bytes))).collect();
    files.push(("SHA256SUMS", sums.concat().into_bytes()));
    let written = files.into_iter().map(|(name, bytes)| {
        let path = dir.join(name);
        replace(&path, &bytes).map(|()| path)
    });
    written.collect()
}

/// Returns the instructions for those who build such a tree.
fn readme(cmdline: &str) -> String {
    format!(
        "kutties as the payload of a firmware: `kernel` and `initramfs.cpio.zst` belong together.

coreboot (.config):
    CONFIG_PAYLOAD_LINUX=y
    CONFIG_PAYLOAD_FILE=\"/path/to/kernel\"
    CONFIG_LINUX_INITRD=\"/path/to/initramfs.cpio.zst\"
    CONFIG_LINUX_COMMAND_LINE=\"{cmdline}\"

LinuxBoot with UEFI (fiano): kutties.efi beside this directory is one program with kernel, initramfs and command line:
    utk ROM.fd replace_pe32 Shell kutties.efi save NEW.fd

A kernel of your own takes the initramfs along (.config of Linux); it needs CONFIG_RD_ZSTD=y, and its modules must be of its
own version, so leave modules.cpio.zst out and give core.cpio.zst alone where all drivers are built in:
    CONFIG_INITRAMFS_SOURCE=\"\"        # the firmware gives it; else the path of an unpacked archive
    CONFIG_RD_ZSTD=y

u-root: what u-root made starts it from anywhere that it can read:
    kexec -i initramfs.cpio.zst -c \"{cmdline}\" kernel
or both are one initramfs: the kernel takes archives behind one another, and /init is the later one's.
    cat initramfs.linux_amd64.cpio.zst core.cpio.zst > both.cpio.zst
"
    )
}
