//! The same bytes from every medium: each image boots by a machine's own firmware, and a container that `cri` started there says a
//! word that the host gave.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::{Error, Result};
use lab::segment::CLIENT;
use lab::test_image;
use lab::until;
use lab::vm::Medium;

use crate::case::{BOTH, Case, Failure, Outcome, X86};
use crate::world::World;

/// The cases.
pub const CASES: &[Case] = &[
    Case {
        name: "disk-by-uefi",
        boards: BOTH,
        run: |world, board| boots(world, board, &Way { uefi: true, file: "disk.img", device: "virtio-blk-pci" }),
    },
    Case {
        name: "disk-by-bios",
        boards: X86,
        run: |world, board| boots(world, board, &Way { uefi: false, file: "disk.img", device: "virtio-blk-pci" }),
    },
    Case {
        name: "cd-by-uefi",
        boards: BOTH,
        run: |world, board| boots(world, board, &Way { uefi: true, file: "kutties.iso", device: "scsi-cd" }),
    },
    Case {
        name: "cd-by-bios",
        boards: X86,
        run: |world, board| boots(world, board, &Way { uefi: false, file: "kutties.iso", device: "ide-cd" }),
    },
];

/// What only `make boot-matrix` tries.
pub const LONG_CASES: &[Case] = &[
    Case {
        name: "nvme-by-uefi",
        boards: X86,
        run: |world, board| boots(world, board, &Way { uefi: true, file: "disk.img", device: "nvme,serial=1" }),
    },
    Case {
        name: "usb-by-uefi",
        boards: BOTH,
        run: |world, board| boots(world, board, &Way { uefi: true, file: "kutties.iso", device: "usb-storage" }),
    },
    Case {
        name: "usb-by-bios",
        boards: X86,
        run: |world, board| boots(world, board, &Way { uefi: false, file: "kutties.iso", device: "usb-storage" }),
    },
];

/// A way to boot: who starts it, from which image, on what device.
struct Way {
    uefi: bool,
    file: &'static str,
    device: &'static str,
}

impl Way {
    fn medium(&self, board: &str, media: &Path) -> Medium {
        let controller = match self.device.split(',').next() {
            Some("scsi-cd") => vec!["virtio-scsi-pci"],
            Some("usb-storage") => vec!["qemu-xhci"],
            _ => vec![],
        };
        let mut args: Vec<String> = controller.iter().flat_map(|device| ["-device".into(), (*device).into()]).collect();
        args.push("-drive".into());
        args.push(format!("if=none,id=medium,format=raw,snapshot=on,file={}", media.join(self.file).display()));
        args.push("-device".into());
        args.push(format!("{},drive=medium,bootindex=0", self.device));
        Medium { uefi: self.uefi.then(|| firmware_of(board)), args }
    }
}

/// Debian's packages ovmf and qemu-efi-aarch64.
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

fn boots(world: &mut World, board: &str, way: &Way) -> Outcome {
    let word = format!("{:016x}", lab::nonce());
    let node = world.boot(board, |appliance, spec| {
        spec.medium = Some(way.medium(board, &appliance.media()));
        Ok(())
    })?;
    let guest = &node.vm.guest;
    // The image is imported while the machine boots.
    until(SERVICES, || -> Result<()> {
        let listed = guest.run(&["kutties", "image", "list"])?;
        if listed.contains("probe") { Ok(()) } else { Err(Error::new(listed)) }
    })?;
    let output = guest.exec_within(&[CLIENT, "nonce", kit::paths::CRI, test_image::NAME, &word], b"", SERVICES)?;
    if output.ok() { Ok(()) } else { Err(Failure::Failed(format!("{}{}", output.stdout, output.stderr))) }
}
