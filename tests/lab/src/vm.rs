//! A virtual machine without a disk: booted, watched, talked to, and gone when dropped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use firmware::board::{Arch, Qemu};
use kit::{Context, Error, Result};

use crate::console::{Console, Mark};
use crate::guest::Guest;
use crate::qmp::Qmp;
use crate::verdict::Verdicts;
use crate::{initrd, qemu, socket, until};

/// A network card on a tap that exists already.
#[derive(Debug, Clone)]
pub struct Nic {
    /// The tap's interface name.
    pub tap: String,
    /// The card's hardware address, such as `52:54:00:4d:00:02`.
    pub mac: String,
}

/// Something that a machine boots by its own firmware.
#[derive(Debug, Clone, Default)]
pub struct Medium {
    /// UEFI's code and its variables, which are copied; without, the machine's own firmware starts.
    pub uefi: Option<[PathBuf; 2]>,
    /// QEMU's arguments that bring the medium.
    pub args: Vec<String>,
}

/// Specification of a machine.
#[derive(Debug, Clone)]
pub struct Spec {
    /// The instruction set.
    pub arch: Arch,
    /// QEMU's machine for the board.
    pub qemu: Qemu,
    /// The kernel's image.
    pub kernel: PathBuf,
    /// The initramfs's segments, in order.
    pub segments: Vec<PathBuf>,
    /// Medium to boot instead of the kernel and its segments, which QEMU else loads itself.
    pub medium: Option<Medium>,
    /// Added to the kernel's command line, which has the console already.
    pub cmdline: String,
    /// Memory in MiB.
    pub memory: u32,
    /// Processors.
    pub cpus: u32,
    /// Network cards.
    pub nics: Vec<Nic>,
    /// Read-only disks, in order: `/dev/vda` is the first.
    pub disks: Vec<PathBuf>,
    /// Disks that the machine may write, behind the read-only ones: their images and serial numbers.
    pub own_disks: Vec<(PathBuf, String)>,
    /// Strings of SMBIOS type 11 from the firmware.
    pub smbios: Vec<String>,
    /// The machine's serial number, by SMBIOS.
    pub smbios_serial: Option<String>,
    /// And files of QEMU's fw_cfg, by their names, with their content.
    pub fw_cfg: Vec<(String, String)>,
    /// Time of the machine's own clock at power-on, as `1999-01-01T00:00:00`; the host's time
    /// without.
    pub rtc: Option<String>,
    /// True if a reboot boots again; otherwise it ends the machine.
    pub reboots: bool,
    /// A directory of its own, with a short path, for sockets and the joined initramfs.
    pub dir: PathBuf,
    /// File of all console output.
    pub transcript: PathBuf,
}

impl Spec {
    /// A machine of the board's usual memory and two processors without a network, that boots again when told to.
    pub fn new(arch: Arch, qemu: Qemu, kernel: PathBuf, segments: Vec<PathBuf>, dir: PathBuf) -> Self {
        let (memory, transcript) = (qemu.memory_mib, dir.join("console.log"));
        Self {
            arch,
            qemu,
            kernel,
            segments,
            medium: None,
            cmdline: String::new(),
            memory,
            cpus: 2,
            nics: Vec::new(),
            disks: Vec::new(),
            own_disks: Vec::new(),
            smbios: Vec::new(),
            smbios_serial: None,
            fw_cfg: Vec::new(),
            rtc: None,
            reboots: true,
            dir,
            transcript,
        }
    }
}

/// QEMU makes its sockets within this time even on a busy machine.
const SOCKETS: Duration = Duration::from_secs(30);

/// A running virtual machine. Dropping it ends QEMU.
pub struct Vm {
    qemu: Child,
    started: Instant,
    dir: PathBuf,
    /// The serial console.
    pub console: Console,
    /// The agent inside, for those images that have it.
    pub guest: Guest,
    /// Exit statuses of commands in the guest.
    pub verdicts: Verdicts,
    qmp: Qmp,
}

impl Vm {
    /// Start QEMU and connect to the machine's ports; the guest is only beginning to boot then.
    pub fn boot(spec: &Spec) -> Result<Self> {
        fs::create_dir_all(&spec.dir).on("make", &spec.dir)?;
        let initramfs = spec.dir.join("initramfs");
        match &spec.medium {
            None => initrd::join(&spec.segments, &initramfs)?,
            Some(Medium { uefi: Some([_, variables]), .. }) => {
                let own = spec.dir.join(qemu::VARIABLES);
                fs::copy(variables, &own).on("copy", variables)?;
            }
            Some(_) => {}
        }
        for port in qemu::PORTS {
            match fs::remove_file(spec.dir.join(port)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e).on("remove", spec.dir.join(port)),
                _ => {}
            }
        }
        let log = fs::File::create(spec.dir.join("qemu.log")).on("make", spec.dir.join("qemu.log"))?;
        // It waits for the order to run, so that nothing is said before somebody listens.
        let qemu = qemu::command(spec, &initramfs)
            .arg("-S")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .doing(format!("start {}", spec.qemu.program))?;
        Self::connect(qemu, spec)
    }

    fn connect(mut qemu: Child, spec: &Spec) -> Result<Self> {
        let dir = spec.dir.clone();
        let mut reach = |port: &str| socket::connect(&dir.join(port), SOCKETS, || ended(&mut qemu, &dir));
        let [console, agent, verdict, monitor] = [reach("console")?, reach("agent")?, reach("verdict")?, reach("qmp")?];
        let mut qmp = Qmp::new(monitor)?;
        let started = Instant::now();
        let console = Console::new(console, &spec.transcript, started)?;
        let (guest, verdicts) = (Guest::new(agent)?, Verdicts::new(verdict)?);
        qmp.ask("cont")?;
        Ok(Self { qemu, started, dir, console, guest, verdicts, qmp })
    }

    /// The moment at which the processors began to run.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The machine's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Type a line at the console's shell and wait until it has ended and the shell asks for the next; its exit code.
    ///
    /// The code comes over the verdict port with a nonce; what the command printed is the console's business.
    pub fn type_and_judge(&mut self, line: &str, limit: Duration) -> Result<i32> {
        self.type_and_hear(line, limit).map(|(code, _)| code)
    }

    /// Type a line as [`Vm::type_and_judge`] does; its exit code and what the console said meanwhile, the line's echo with it.
    ///
    /// The code may be here before the command's last words, which come over a slower line: a mark is printed behind them.
    /// The prompt is waited for because what is typed before it may be lost with a shell that the next line ends.
    pub fn type_and_hear(&mut self, line: &str, limit: Duration) -> Result<(i32, String)> {
        let (nonce, from) = (self.verdicts.nonce(), self.console.mark());
        // The quotes tell the mark from the echo of what is typed.
        self.console.type_line(&format!("{line}; echo {nonce} $? >/dev/virtio-ports/{}; echo 'end' {nonce}", agent::VERDICT))?;
        let code = self.verdicts.wait(&nonce, limit).doing(format!("{line}\n{}", self.console.tail(20)))?;
        let end = self.console.wait(&format!("end {nonce}"), from, limit)?;
        let heard = self.console.since(from);
        self.console.wait_prompt(end, limit)?;
        Ok((code, heard))
    }

    /// Wait until the agent answers: the machine has booted as far as services.
    pub fn wait_agent(&mut self, limit: Duration) -> Result<()> {
        let result =
            until(limit, || if self.alive()? { self.guest.ping(Duration::from_secs(2)) } else { Err(self.end_of_story()) });
        result.doing(format!("wait for the agent\n{}", self.console.tail(30)))
    }

    /// Wait for a text on the console.
    pub fn wait_console(&mut self, text: &str, from: Mark, limit: Duration) -> Result<Mark> {
        self.console.wait(text, from, limit)
    }

    /// Pull the reset line.
    pub fn reset(&mut self) -> Result<()> {
        self.qmp.ask("system_reset").map(drop)
    }

    /// Tells if QEMU still runs.
    pub fn alive(&mut self) -> Result<bool> {
        Ok(self.qemu.try_wait().doing("ask after qemu")?.is_none())
    }

    /// Wait until the machine has switched itself off.
    pub fn wait_off(&mut self, limit: Duration) -> Result<()> {
        let off = until(limit, || match self.qemu.try_wait() {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Error::new("it still runs")),
            Err(e) => Err(Error::new(e.to_string())),
        });
        off.doing(format!("wait for power-off\n{}", self.console.tail(20)))
    }

    fn end_of_story(&self) -> Error {
        Error::new(format!("the machine is off\n{}", self.console.tail(20)))
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        // It may have ended by itself; both calls then say so, and that is as good.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn ended(qemu: &mut Child, dir: &Path) -> Result<()> {
    match qemu.try_wait().doing("ask after qemu")? {
        None => Ok(()),
        Some(status) => {
            let said = fs::read_to_string(dir.join("qemu.log")).unwrap_or_default();
            Err(Error::new(format!("qemu ended with {status}: {}", said.trim())))
        }
    }
}
