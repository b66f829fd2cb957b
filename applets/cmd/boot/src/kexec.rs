//! `kexec [-l|-e|-u] [--initrd FILE]... [--append WORDS|--reuse-cmdline] [KERNEL]` starts another kernel without the firmware.
//!
//! KERNEL may be the kernel itself, packed (gzip, xz, zstd, the self-unpacking kind of arm64), or a `kutties.efi` or other unified kernel
//! image, whose own command line and initramfs count unless others are given. Several `--initrd` are put behind one another.
//! Without `-l` it goes on at once: PID 1 stops the kubelet, pods and services first, as for a reboot.

mod placed;

use std::ffi::{CStr, CString, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::control::{self, Reply, Request, Shutdown};
use kit::{Applet, Context, Error, Exit, Place, Result};
use rustix::fs::{MemfdFlags, memfd_create};

use crate::kernel_file::{self, Kernel};

/// Another kernel.
pub const KEXEC: Applet = Applet { name: "kexec", about: "start another kernel", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Load only: `kexec -e` or `reboot -k` starts it
    #[arg(short, long, conflicts_with_all = ["exec", "unload"])]
    load: bool,
    /// Start what was loaded
    #[arg(short, long, conflicts_with_all = ["unload", "kernel"])]
    exec: bool,
    /// Forget what was loaded
    #[arg(short, long, conflicts_with = "kernel")]
    unload: bool,
    /// An initramfs segment; may come several times
    #[arg(long, visible_alias = "ramdisk", value_name = "FILE", requires = "kernel")]
    initrd: Vec<PathBuf>,
    /// The command line
    #[arg(long, visible_alias = "command-line", value_name = "WORDS", requires = "kernel")]
    append: Option<String>,
    /// This kernel's own command line, with --append's words behind it
    #[arg(long, requires = "kernel")]
    reuse_cmdline: bool,
    /// The kernel
    #[arg(required_unless_present_any = ["exec", "unload"])]
    kernel: Option<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&KEXEC, args)?;
    if options.unload {
        sys::kexec::unload().doing("forget the loaded kernel")?;
        return Ok(Exit::OK);
    }
    if let Some(kernel) = &options.kernel {
        load(kernel, &options)?;
    }
    if options.load { Ok(Exit::OK) } else { start() }
}

fn load(path: &Path, options: &Options) -> Result<()> {
    let file = fs::read(path).on("read", path)?;
    let Kernel { image, cmdline, segments } = kernel_file::unwrap(&file).on("read", path)?;
    let given = options.initrd.iter().map(|path| fs::read(path).on("read", path)).collect::<Result<Vec<_>>>()?;
    let segments = if given.is_empty() { segments } else { given };
    let words = words(options, cmdline)?;
    let words = CString::new(words).doing("read the command line")?;
    let mut initramfs = Parts::new()?;
    segments.iter().try_for_each(|segment| initramfs.add(segment))?;
    load_parts(path, &image, Some(&initramfs).filter(|_| !segments.is_empty()), &words)
}

/// Load a kernel with its initramfs; `path` is the kernel's name.
pub fn load_parts(path: &Path, image: &[u8], initramfs: Option<&Parts>, words: &CStr) -> Result<()> {
    let mut kernel = Parts::new()?;
    kernel.add(image)?;
    let told = |why: String| Error::new(format!("load {}: {why}", path.display()));
    match sys::kexec::load(&kernel.0, initramfs.map(|parts| &parts.0), words) {
        // x86's entry wants more than an address; its distributions' kernels have the option.
        Err(e) if cfg!(target_arch = "aarch64") && e.raw_os_error() == Some(NOSYS) => {
            drop(kernel);
            let initramfs = initramfs.map_or_else(|| Ok(Vec::new()), Parts::bytes)?;
            placed::load(image, &initramfs, &words.to_string_lossy()).map_err(|e| told(e.to_string()))
        }
        loaded => loaded.map_err(|e| told(sentence(&e, "CONFIG_KEXEC_FILE"))),
    }
}

const NOSYS: i32 = rustix::io::Errno::NOSYS.raw_os_error();

/// Returns the command line of the options, else the one that the image carries.
fn words(options: &Options, carried: Option<String>) -> Result<String> {
    let own = if options.reuse_cmdline {
        let path = Path::new("/proc/cmdline");
        Some(fs::read_to_string(path).on("read", path)?.trim_end().to_owned())
    } else {
        None
    };
    Ok(match (own, &options.append) {
        (Some(own), Some(more)) => format!("{own} {more}"),
        (Some(own), None) => own,
        (None, Some(words)) => words.clone(),
        (None, None) => carried.unwrap_or_default(),
    })
}

/// A file in memory of parts, each at a multiple of four, which is the kernel's rule for archives.
pub struct Parts(File);

impl Parts {
    /// None yet.
    pub fn new() -> Result<Self> {
        let file = memfd_create("kexec", MemfdFlags::CLOEXEC).map_err(io::Error::from).doing("make a file in memory")?;
        Ok(Self(file.into()))
    }

    /// A whole part.
    pub fn add(&mut self, part: &[u8]) -> Result<()> {
        self.write(part)?;
        self.close()
    }

    /// More of a part.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).doing("fill a file in memory")
    }

    /// All that is in it.
    fn bytes(&self) -> Result<Vec<u8>> {
        let (mut file, mut bytes) = (&self.0, Vec::new());
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).doing("read a file in memory")?;
        Ok(bytes)
    }

    /// The part is whole.
    pub fn close(&mut self) -> Result<()> {
        let len = self.0.stream_position().doing("fill a file in memory")?;
        let padding = len.next_multiple_of(4) - len;
        self.write(&[0; 4][..padding as usize])
    }
}

/// The kernel's numbers as sentences; `option` is what it lacks when it does not know the call.
fn sentence(error: &io::Error, option: &str) -> String {
    match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::NOSYS) => format!("this kernel was built without {option}"),
        Some(rustix::io::Errno::NOEXEC) => "it is no kernel for this machine".to_owned(),
        Some(rustix::io::Errno::BUSY) => "another one is being loaded".to_owned(),
        Some(rustix::io::Errno::PERM) => {
            "this kernel forbids it (lockdown, kernel.kexec_load_disabled, or no CAP_SYS_BOOT)".to_owned()
        }
        Some(rustix::io::Errno::ADDRNOTAVAIL) => "there is not enough memory in one piece".to_owned(),
        _ => error.to_string(),
    }
}

/// Start what was loaded.
pub fn start() -> Result<Exit> {
    let loaded = Path::new("/sys/kernel/kexec_loaded");
    if fs::read_to_string(loaded).is_ok_and(|text| text.trim() == "0") {
        return Err(Error::new("start the loaded kernel: none is loaded"));
    }
    match control::ask(&Request::Shutdown(Shutdown::Kexec))? {
        Reply::Failed(why) => Err(Error::new(why)),
        _ => Ok(Exit::OK),
    }
}
