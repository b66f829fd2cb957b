//! QEMU's command line, and whether KVM works here.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use firmware::board::{Arch, Qemu};

use crate::vm::{Medium, Spec};

/// A kernel that dies boots again at once: under emulation one in some dozens of boots ends in an oops of QEMU's making.
const PANIC: &str = "panic=-1 oops=panic";

/// Parameters that an emulated processor needs: on x86 the kernel patches its "stable clock" branch
/// while the other processor runs it, which QEMU's translated code sometimes does not survive. A
/// clock that was never stable leaves the branch alone.
fn emulation(spec: &Spec, kvm: bool) -> &'static str {
    if !kvm && spec.arch.name() == "x86_64" { " tsc=unstable" } else { "" }
}

/// The same words for an image that carries its command line, where it is not known yet who plays the machine.
pub fn robust(arch: Arch) -> String {
    let clock = if arch == Arch::X86_64 { " tsc=unstable" } else { "" };
    format!("{PANIC}{clock}")
}

/// The sockets that QEMU makes in a machine's directory.
pub const PORTS: [&str; 4] = ["console", "agent", "verdict", "qmp"];

/// The whole command that boots `spec` with the joined `initramfs`.
pub fn command(spec: &Spec, initramfs: &Path) -> Command {
    let kvm = kvm_works(spec);
    let mut qemu = machine(&spec.qemu, kvm);
    qemu.arg("-m").arg(spec.memory.to_string()).arg("-smp").arg(spec.cpus.to_string());
    match &spec.medium {
        None => {
            qemu.arg("-kernel").arg(&spec.kernel).arg("-initrd").arg(initramfs);
            qemu.arg("-append").arg(format!("console={} {PANIC}{} {}", spec.qemu.console, emulation(spec, kvm), spec.cmdline));
        }
        Some(medium) => boot_from(&mut qemu, medium, spec),
    }
    for port in PORTS {
        let path = spec.dir.join(port);
        qemu.arg("-chardev").arg(format!("socket,id={port},path={},server=on,wait=off", path.display()));
    }
    qemu.args(["-serial", "chardev:console", "-qmp", "chardev:qmp"]);
    qemu.args(["-device", "virtio-serial-pci"]);
    qemu.arg("-device").arg(format!("virtserialport,nr=1,chardev=agent,name={}", agent::PORT));
    qemu.arg("-device").arg(format!("virtserialport,nr=2,chardev=verdict,name={}", agent::VERDICT));
    for (at, nic) in spec.nics.iter().enumerate() {
        qemu.arg("-netdev").arg(format!("tap,id=net{at},ifname={},script=no,downscript=no", nic.tap));
        // No option ROM: nothing boots from the network here, and loading it takes time.
        qemu.arg("-device").arg(format!("virtio-net-pci,netdev=net{at},mac={},romfile=", nic.mac));
    }
    for (at, disk) in spec.disks.iter().enumerate() {
        qemu.arg("-drive").arg(format!("if=none,id=disk{at},format=raw,readonly=on,file={}", disk.display()));
        qemu.arg("-device").arg(format!("virtio-blk-pci,drive=disk{at}"));
    }
    for (at, (disk, serial)) in spec.own_disks.iter().enumerate() {
        qemu.arg("-drive").arg(format!("if=none,id=own{at},format=raw,file={}", disk.display()));
        qemu.arg("-device").arg(format!("virtio-blk-pci,drive=own{at},serial={serial}"));
    }
    // QEMU takes a doubled comma for one in a value.
    for text in &spec.smbios {
        qemu.arg("-smbios").arg(format!("type=11,value={}", text.replace(',', ",,")));
    }
    if let Some(serial) = &spec.smbios_serial {
        qemu.arg("-smbios").arg(format!("type=1,serial={}", serial.replace(',', ",,")));
    }
    for (name, content) in &spec.fw_cfg {
        qemu.arg("-fw_cfg").arg(format!("name={name},string={}", content.replace(',', ",,")));
    }
    if let Some(clock) = &spec.rtc {
        qemu.arg("-rtc").arg(format!("base={clock}"));
    }
    if !spec.reboots {
        qemu.arg("-no-reboot");
    }
    qemu
}

/// UEFI's variables in a machine's directory.
pub const VARIABLES: &str = "variables.fd";

fn boot_from(qemu: &mut Command, medium: &Medium, spec: &Spec) {
    if let Some([code, _]) = &medium.uefi {
        qemu.arg("-drive").arg(format!("if=pflash,unit=0,format=raw,readonly=on,file={}", code.display()));
        qemu.arg("-drive").arg(format!("if=pflash,unit=1,format=raw,file={}", spec.dir.join(VARIABLES).display()));
    }
    qemu.args(&medium.args);
}

fn machine(qemu: &Qemu, kvm: bool) -> Command {
    let mut command = Command::new(&qemu.program);
    command.args(["-nodefaults", "-display", "none", "-machine", &qemu.machine]);
    if kvm {
        command.args(["-accel", "kvm", "-cpu", "host"]);
    } else {
        command.args(["-accel", "tcg,thread=multi", "-cpu", &qemu.cpu]);
    }
    command
}

/// Timeout of the kernel's first line under KVM. A working one needs well under a second.
const PROOF: Duration = Duration::from_secs(5);

/// Tells if this kernel prints its first line under KVM: /dev/kvm may exist and not work. Tried
/// once a process.
fn kvm_works(spec: &Spec) -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    spec.arch.name() == std::env::consts::ARCH && *WORKS.get_or_init(|| Path::new("/dev/kvm").exists() && speaks(spec))
}

fn speaks(spec: &Spec) -> bool {
    let mut qemu = machine(&spec.qemu, true);
    qemu.args(["-m", "512", "-serial", "stdio", "-no-reboot", "-append"]).arg(format!("console={} panic=-1", spec.qemu.console));
    qemu.arg("-kernel").arg(&spec.kernel).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = qemu.spawn() else { return false };
    let (tell, told) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            let said = BufReader::new(out).lines().map_while(std::result::Result::ok).any(|line| line.contains("Linux version"));
            tell.send(said)
        });
    }
    let said = told.recv_timeout(PROOF).unwrap_or(false);
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
    said
}
