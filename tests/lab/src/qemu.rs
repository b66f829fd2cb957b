//! QEMU's command line, and whether KVM works here.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::vm::{Arch, Spec};

/// The sockets that QEMU makes in a machine's folder.
pub const PORTS: [&str; 4] = ["console", "agent", "verdict", "qmp"];

/// QEMU's program for an architecture.
pub const fn program(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "qemu-system-x86_64",
        Arch::Aarch64 => "qemu-system-aarch64",
    }
}

/// The whole command that boots `spec` with the joined `initramfs`.
pub fn command(spec: &Spec, initramfs: &Path) -> Command {
    let mut qemu = Command::new(program(spec.arch));
    machine(&mut qemu, spec.arch, kvm_works(spec.arch, &spec.kernel));
    qemu.arg("-m").arg(spec.memory.to_string()).arg("-smp").arg(spec.cpus.to_string());
    qemu.arg("-kernel").arg(&spec.kernel).arg("-initrd").arg(initramfs);
    qemu.arg("-append").arg(format!("console={} panic=-1 {}", console(spec.arch), spec.cmdline));
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
    if !spec.reboots {
        qemu.arg("-no-reboot");
    }
    qemu
}

fn machine(qemu: &mut Command, arch: Arch, kvm: bool) {
    qemu.args(["-nodefaults", "-display", "none"]);
    match arch {
        Arch::X86_64 => qemu.args(["-machine", "q35"]),
        Arch::Aarch64 => qemu.args(["-machine", "virt"]),
    };
    // QEMU's own pointer authentication is many times slower than its stand-in.
    let emulated = if arch == Arch::Aarch64 { "max,pauth-impdef=on" } else { "max" };
    if kvm {
        qemu.args(["-accel", "kvm", "-cpu", "host"]);
    } else {
        qemu.args(["-accel", "tcg,thread=multi", "-cpu", emulated]);
    }
}

const fn console(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "ttyS0",
        Arch::Aarch64 => "ttyAMA0",
    }
}

/// How long KVM may take to show the kernel's first line. A working one needs well under a second.
const PROOF: Duration = Duration::from_secs(5);

/// Whether this kernel says its first word under KVM: /dev/kvm may exist and not work. Tried once a process.
fn kvm_works(arch: Arch, kernel: &Path) -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    arch.name() == std::env::consts::ARCH && *WORKS.get_or_init(|| Path::new("/dev/kvm").exists() && speaks(arch, kernel))
}

fn speaks(arch: Arch, kernel: &Path) -> bool {
    let mut qemu = Command::new(program(arch));
    machine(&mut qemu, arch, true);
    qemu.args(["-m", "512", "-serial", "stdio", "-no-reboot", "-append"]).arg(format!("console={} panic=-1", console(arch)));
    qemu.arg("-kernel").arg(kernel).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
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
