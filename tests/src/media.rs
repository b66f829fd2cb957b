//! The same bytes from every medium: each image boots by a machine's own firmware, and a container that `cri` started there says a
//! word that the host gave.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::{Error, Result};
use lab::guest::Guest;
use lab::segment::CLIENT;
use lab::test_image;
use lab::until;
use lab::vm::Medium;

use crate::case::{BOTH, Case, Failure, Outcome, X86, ensure};
use crate::world::{BOOT, Node, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "disk-by-uefi", boards: BOTH, run: |w, b| boots(w, b, UEFI, &Way::Drive("disk.img", "virtio-blk-pci")) },
    Case { name: "disk-by-bios", boards: X86, run: |w, b| boots(w, b, BIOS, &Way::Drive("disk.img", "virtio-blk-pci")) },
    Case { name: "cd-by-uefi", boards: BOTH, run: |w, b| boots(w, b, UEFI, &Way::Drive("kutties.iso", "scsi-cd")) },
    Case { name: "cd-by-bios", boards: X86, run: |w, b| boots(w, b, BIOS, &Way::Drive("kutties.iso", "ide-cd")) },
];

/// What only `make boot-matrix` tries.
pub const LONG_CASES: &[Case] = &[
    Case { name: "nvme-by-uefi", boards: X86, run: |w, b| boots(w, b, UEFI, &Way::Drive("disk.img", "nvme,serial=1")) },
    Case { name: "usb-by-uefi", boards: BOTH, run: |w, b| boots(w, b, UEFI, &Way::Drive("kutties.iso", "usb-storage")) },
    Case { name: "usb-by-bios", boards: X86, run: |w, b| boots(w, b, BIOS, &Way::Drive("kutties.iso", "usb-storage")) },
    Case { name: "pxe-by-bios", boards: X86, run: |w, b| boots(w, b, BIOS, &Way::Net("boot.ipxe")) },
    Case { name: "pxe-by-uefi", boards: BOTH, run: |w, b| boots(w, b, UEFI, &Way::Net("kutties.efi")) },
    Case { name: "kexec-from-the-disk", boards: BOTH, run: kexec },
];

/// Who starts the machine.
const UEFI: bool = true;
const BIOS: bool = false;

/// A way to boot.
enum Way {
    /// An image on a device.
    Drive(&'static str, &'static str),
    /// A file of `netboot/`, by DHCP and TFTP.
    Net(&'static str),
}

impl Way {
    /// QEMU's arguments that bring the medium.
    fn args(&self, uefi: bool, media: &Path) -> Vec<String> {
        let words: Vec<String> = match self {
            Self::Drive(file, device) => {
                let controller = match *device {
                    "scsi-cd" => "-device virtio-scsi-pci",
                    "usb-storage" => "-device qemu-xhci",
                    _ => "",
                };
                let file = media.join(file);
                let drive = format!("-drive if=none,id=medium,format=raw,snapshot=on,file={}", file.display());
                vec![controller.into(), drive, format!("-device {device},drive=medium,bootindex=0")]
            }
            Self::Net(file) => {
                let folder = media.join("netboot");
                // UEFI has a driver of its own; to a BIOS the card brings iPXE.
                let rom = if uefi { ",romfile=" } else { "" };
                let net = format!("-netdev user,id=boot,tftp={},bootfile={file}", folder.display());
                vec![net, format!("-device virtio-net-pci,netdev=boot,bootindex=0{rom}")]
            }
        };
        words.join(" ").split_whitespace().map(str::to_owned).collect()
    }
}

/// Debian's packages ovmf and qemu-efi-aarch64: code and variables.
fn firmware_of(board: &str) -> [PathBuf; 2] {
    let files = if board.starts_with("x86_64") {
        ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"]
    } else {
        ["/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"]
    };
    files.map(PathBuf::from)
}

/// The images' own service needs no more than this after the agent's first answer.
const SERVICES: Duration = Duration::from_mins(2);

fn boots(world: &mut World, board: &str, uefi: bool, way: &Way) -> Outcome {
    let node = boot(world, board, uefi, way)?;
    says(&node.vm.guest)
}

fn boot(world: &mut World, board: &str, uefi: bool, way: &Way) -> Result<Node> {
    world.boot(board, |appliance, spec| {
        let args = way.args(uefi, &appliance.media());
        spec.medium = Some(Medium { uefi: uefi.then(|| firmware_of(board)), args });
        Ok(())
    })
}

/// A container says a word that the host gives.
fn says(guest: &Guest) -> Outcome {
    let word = format!("{:016x}", lab::nonce());
    // The image is imported while the machine boots.
    until(SERVICES, || -> Result<()> {
        let listed = guest.run(&["kutties", "image", "list"])?;
        if listed.contains("probe") { Ok(()) } else { Err(Error::new(listed)) }
    })?;
    let output = guest.exec_within(&[CLIENT, "nonce", kit::paths::CRI, test_image::NAME, &word], b"", SERVICES)?;
    if output.ok() { Ok(()) } else { Err(Failure::Failed(format!("{}{}", output.stdout, output.stderr))) }
}

/// The image starts itself anew without the firmware: kernel, initramfs and command line come out of the one file.
fn kexec(world: &mut World, board: &str) -> Outcome {
    let node = boot(world, board, UEFI, &Way::Drive("disk.img", "virtio-blk-pci"))?;
    let guest = &node.vm.guest;
    let before = guest.sh(BOOT_ID)?;
    let refused = guest.exec(&["kexec", "-l", "/bin/kutties"])?;
    ensure(refused.code == 1 && refused.stderr.contains("it is no kernel for this machine"), || format!("{refused:?}"))?;
    let nothing = guest.exec(&["kexec", "-e"])?;
    ensure(nothing.code == 1 && nothing.stderr.contains("none is loaded"), || format!("{nothing:?}"))?;
    guest.sh("modprobe vfat && mount -t vfat -o ro /dev/vda1 /mnt && kexec -l /mnt/EFI/BOOT/BOOT*.EFI && umount /mnt")?;
    // The answer may be lost on the way: whoever would give it is stopped.
    let _ = guest.exec_within(&["kexec", "-e"], b"", Duration::from_secs(5));
    let other = until(BOOT, || {
        // What was asked of the agent that went away is never answered.
        match node.vm.guest.exec_within(&["/bin/sh", "-c", BOOT_ID], b"", Duration::from_secs(5))? {
            output if output.stdout == before => Err(Error::new("it did not start anew")),
            _ => Ok(()),
        }
    });
    other.map_err(|e| Error::new(format!("{e}\n{}", node.vm.console.tail(20))))?;
    says(&node.vm.guest)
}

/// Another one each time a kernel starts.
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";
