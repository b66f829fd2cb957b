//! The same bytes from every medium: each image boots by a machine's own firmware, and a container that `cri` started there says a
//! word that the host gave.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::guest::Guest;
use lab::netboot::Netboot;
use lab::segment::CLIENT;
use lab::test_image;
use lab::until;
use lab::vm::{Medium, Nic};

use crate::case::{ARM, BOTH, Case, Failure, Outcome, X86, ensure};
use crate::flash;
use crate::world::{BOOT, Node, World};

/// The cases.
pub const CASES: &[Case] = &[
    Case { name: "disk-by-uefi", boards: BOTH, run: |w, b| boots(w, b, UEFI, &Way::Drive("disk.img", "virtio-blk-pci")) },
    Case { name: "disk-by-bios", boards: X86, run: |w, b| boots(w, b, BIOS, &Way::Drive("disk.img", "virtio-blk-pci")) },
    Case { name: "cd-by-uefi", boards: BOTH, run: |w, b| boots(w, b, UEFI, &Way::Drive("kutties.iso", "scsi-cd")) },
    Case { name: "cd-by-bios", boards: X86, run: |w, b| boots(w, b, BIOS, &Way::Drive("kutties.iso", "ide-cd")) },
    Case { name: "small-machine", boards: X86, run: |w, b| boots(w, b, BIOS, &Way::Parts { memory: Some(256), machine: None }) },
    Case { name: "fit-by-u-boot", boards: ARM, run: |w, b| boots(w, b, BIOS, &Way::UBoot) },
];

/// Cases that only `make boot-matrix` tries.
pub const LONG_CASES: &[Case] = &[
    Case { name: "nvme-by-uefi", boards: X86, run: |w, b| boots(w, b, UEFI, &Way::Drive("disk.img", "nvme,serial=1")) },
    Case { name: "usb-by-uefi", boards: BOTH, run: |w, b| boots(w, b, UEFI, &Way::Drive("kutties.iso", "usb-storage")) },
    Case { name: "usb-by-bios", boards: X86, run: |w, b| boots(w, b, BIOS, &Way::Drive("kutties.iso", "usb-storage")) },
    Case { name: "pxe-by-bios", boards: X86, run: |w, b| from_network(w, b, BIOS, "Ipxe") },
    Case { name: "pxe-by-uefi", boards: BOTH, run: |w, b| from_network(w, b, UEFI, "Efi") },
    Case { name: "http-by-uefi", boards: BOTH, run: |w, b| from_network(w, b, UEFI, "EfiHttp") },
    Case { name: "kexec-from-the-disk", boards: BOTH, run: kexec },
    Case { name: "kernel-and-initrd", boards: BOTH, run: |w, b| boots(w, b, BIOS, &Way::Parts { memory: None, machine: None }) },
    Case { name: "microvm", boards: X86, run: |w, b| boots(w, b, BIOS, &Way::Parts { memory: None, machine: Some(MICROVM) }) },
    Case { name: "qcow2-by-uefi", boards: X86, run: |w, b| boots(w, b, UEFI, &Way::Drive("disk.qcow2", "virtio-blk-pci")) },
    Case { name: PI, boards: ARM, run: pi },
    Case { name: "rom-with-the-system-inside", boards: BOTH, run: flash::boots },
    Case { name: "small-kernel-joins", boards: BOTH, run: flash::joins },
];

/// A machine of virtio devices without a firmware worth the name; the agent's port wants PCI.
const MICROVM: &str = "microvm,pcie=on";
/// The name of the case that boots what is on a Raspberry Pi's card, and the board.
pub const PI: &str = "card-of-rpi4-in-a-virtual-machine";
pub const PI_BOARD: &str = "rpi4";

/// Firmware that starts the machine.
const UEFI: bool = true;
const BIOS: bool = false;

/// A way to boot.
enum Way {
    /// An image on a device.
    Drive(&'static str, &'static str),
    /// A card, by `kutties netboot`; QEMU's arguments beside it.
    Net(Nic, &'static str),
    /// Kernel and segments, which the emulator loads itself, in so many MiB on such a machine.
    Parts { memory: Option<u32>, machine: Option<&'static str> },
    /// `kutties.itb` on a card, which U-Boot finds by itself.
    UBoot,
}

impl Way {
    /// QEMU's arguments that bring the medium; none where it needs no medium. `own` is the machine's directory.
    fn args(&self, uefi: bool, media: &Path, own: &Path) -> Result<Option<Vec<String>>> {
        let words: Vec<String> = match self {
            Self::Drive(file, device) => {
                let controller = match *device {
                    "scsi-cd" => "-device virtio-scsi-pci",
                    "usb-storage" => "-device qemu-xhci",
                    _ => "",
                };
                let file = media.join(file);
                let format = if file.extension().is_some_and(|ending| ending == "qcow2") { "qcow2" } else { "raw" };
                let drive = format!("-drive if=none,id=medium,format={format},snapshot=on,file={}", file.display());
                vec![controller.into(), drive, format!("-device {device},drive=medium,bootindex=0")]
            }
            Self::Net(nic, more) => {
                // UEFI has a driver of its own; to a BIOS the card brings iPXE.
                let rom = if uefi { ",romfile=" } else { "" };
                let net = format!("-netdev tap,id=boot,ifname={},script=no,downscript=no", nic.tap);
                let card = format!("-device virtio-net-pci,netdev=boot,mac={},bootindex=0{rom}", nic.mac);
                vec![net, card, (*more).to_owned()]
            }
            Self::Parts { .. } => return Ok(None),
            Self::UBoot => {
                let card = own.join("card.img");
                write_card(media, &card)?;
                let drive = format!("-drive if=none,id=medium,format=raw,file={}", card.display());
                vec![format!("-bios {U_BOOT}"), drive, "-device virtio-blk-pci,drive=medium".into()]
            }
        };
        Ok(Some(words.join(" ").split_whitespace().map(str::to_owned).collect()))
    }
}

/// Returns the kernel's parameters where it has no other clock to measure the processor's against,
/// and KVM does not tell it either: without, it never ends. Emulated processors count as the
/// host's does.
fn clock_rate() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("cpu MHz"));
    let rate = line.and_then(|line| line.split(['.', ':']).nth(1)?.trim().parse::<u32>().ok());
    rate.map_or_else(String::new, |rate| format!(" tsc_early_khz={}", rate * 1000))
}

/// Debian's package u-boot-qemu.
const U_BOOT: &str = "/usr/lib/u-boot/qemu_arm64/u-boot.bin";

/// A card as a person makes it for U-Boot: the image, and the script that U-Boot looks for.
fn write_card(media: &Path, card: &Path) -> Result<()> {
    let read = |name: &str| fs::read(media.join(name)).on("read", media.join(name));
    let (image, script) = (read("kutties.itb")?, read("boot.scr")?);
    let files = [("kutties.itb", image.as_slice()), ("boot.scr", script.as_slice())];
    let bytes = firmware::sdcard::image(&files).map_err(|e| Error::new(format!("{e:#}")))?;
    fs::write(card, bytes).on("write", card)
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
        match way.args(uefi, &appliance.media(), &spec.dir)? {
            Some(args) => spec.medium = Some(Medium { uefi: uefi.then(|| firmware_of(board)), args }),
            None => spec.segments = vec![appliance.core(), appliance.modules(), appliance.asked()],
        }
        if let Way::Parts { memory, machine } = way {
            spec.memory = memory.unwrap_or(spec.memory);
            if let Some(machine) = machine {
                (*machine).clone_into(&mut spec.qemu.machine);
                spec.cmdline = format!("{}{}", spec.cmdline, clock_rate());
            }
        }
        Ok(())
    })
}

/// UEFI tries PXE before HTTP, unless it is told that it has none.
const HTTP_ALONE: &str =
    "-fw_cfg name=opt/org.tianocore/IPv4PXESupport,string=n -fw_cfg name=opt/org.tianocore/IPv6PXESupport,string=n";

/// Our own server gives address, program and system; `loader` is who asked it for the program.
fn from_network(world: &mut World, board: &str, uefi: bool, loader: &str) -> Outcome {
    let server = Netboot::on_cable(&world.lab, &Appliance::open(board)?.media().join("netboot"))?;
    let nic = server.nic.clone().ok_or_else(|| Error::new("the cable has no card"))?;
    let way = Way::Net(nic, if loader == "EfiHttp" { HTTP_ALONE } else { "" });
    let node = boot(world, board, uefi, &way).map_err(|e| Error::new(format!("{e}\n{}", server.said())))?;
    says(&node.vm.guest)?;
    let said = server.said();
    ensure(said.contains(&format!(": {loader}, ")), || format!("no {loader} asked:\n{said}"))
}

/// A container says a word that the host gives.
pub fn says(guest: &Guest) -> Outcome {
    let word = format!("{:016x}", lab::nonce());
    // The image is imported while the machine boots.
    until(SERVICES, || -> Result<()> {
        let listed = guest.run(&["kutties", "image", "list"])?;
        if listed.contains("probe") { Ok(()) } else { Err(Error::new(listed)) }
    })?;
    let output = guest.exec_within(&[CLIENT, "nonce", kit::paths::CRI, test_image::NAME, &word], b"", SERVICES)?;
    if output.ok() { Ok(()) } else { Err(Failure::Failed(format!("{}{}", output.stdout, output.stderr))) }
}

/// No emulator plays a Raspberry Pi from its card: kernel and segments of the card, on another machine.
fn pi(world: &mut World, board: &str) -> Outcome {
    let node = world.boot(board, |appliance, spec| {
        let dir = firmware::place::out(PI_BOARD).map_err(|e| Error::new(format!("{e:#}")))?;
        spec.kernel = dir.join("vmlinuz");
        spec.segments = vec![dir.join("core.cpio.zst"), dir.join("modules.cpio.zst"), appliance.asked()];
        Ok(())
    })?;
    says(&node.vm.guest)
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
    start_loaded(&node, &before)
}

/// Start the kernel that was loaded, and have a container say a word there. `before` is the boot's id.
pub fn start_loaded(node: &Node, before: &str) -> Outcome {
    let guest = &node.vm.guest;
    // The answer may be lost on the way: whoever would give it is stopped.
    let _ = guest.exec_within(&["kexec", "-e"], b"", Duration::from_secs(5));
    let other = until(BOOT, || {
        // A request to the agent that went away is never answered.
        match node.vm.guest.exec_within(&["/bin/sh", "-c", BOOT_ID], b"", Duration::from_secs(5))? {
            output if output.stdout == before => Err(Error::new("it did not start anew")),
            _ => Ok(()),
        }
    });
    other.map_err(|e| Error::new(format!("{e}\n{}", node.vm.console.tail(20))))?;
    says(&node.vm.guest)
}

/// Another one each time a kernel starts.
pub const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

#[cfg(test)]
mod tests {
    use firmware::kinds::KINDS;

    use super::*;

    /// Cases that boot the parts, or another board's.
    const OF_NO_KIND: &[&str] = &["small-machine", "microvm", "small-kernel-joins", PI];

    #[test]
    fn image_kinds_and_cases_name_each_other() {
        let cases: Vec<&str> = CASES.iter().chain(LONG_CASES).map(|case| case.name).collect();
        let named: Vec<&str> = KINDS.iter().flat_map(|kind| kind.boots).copied().collect();
        let missing: Vec<&&str> = named.iter().filter(|name| !cases.contains(name)).collect();
        assert!(missing.is_empty(), "no cases {missing:?}");
        let alone: Vec<&&str> = cases.iter().filter(|case| !named.contains(case) && !OF_NO_KIND.contains(case)).collect();
        assert!(alone.is_empty(), "no kind names {alone:?}");
    }
}
