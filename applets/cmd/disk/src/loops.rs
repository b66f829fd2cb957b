//! Loop devices: a free one for a file, and which file stands behind one. sysfs knows all that the old status call does.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use kit::modules::Modules;
use kit::{Context, Error, Result};
use sys::loop_device::{self, Setting};

/// Gives free devices.
const CONTROL: &str = "/dev/loop-control";
/// Another process may take the free device first: so often we ask for the next.
const TRIES: u32 = 16;

/// A device that shows a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    /// Such as /dev/loop0.
    pub device: PathBuf,
    /// The file; " (deleted)" follows when it has no name any more.
    pub file: PathBuf,
    /// Bytes of the file before the device's first.
    pub offset: u64,
    /// Bytes that it shows; 0 is all.
    pub size_limit: u64,
    /// True if it can't be written.
    pub read_only: bool,
    /// True if it goes away with its last user.
    pub autoclear: bool,
}

/// All devices that show a file, by number.
pub fn all() -> Result<Vec<Loop>> {
    let mut loops = Vec::new();
    for entry in fs::read_dir("/sys/block").on("read", "/sys/block")?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(number) = name.strip_prefix("loop").and_then(|n| n.parse::<u32>().ok()) {
            loops.extend(of(&name).map(|l| (number, l)));
        }
    }
    loops.sort_by_key(|(number, _)| *number);
    Ok(loops.into_iter().map(|(_, l)| l).collect())
}

/// The device of that name, such as `loop0`, when it shows a file.
pub fn of(name: &str) -> Option<Loop> {
    let dir = Path::new("/sys/block").join(name);
    let read = |file: &str| Some(fs::read_to_string(dir.join(file)).ok()?.trim_end_matches('\n').to_owned());
    let number = |file| read(file).and_then(|text| text.parse().ok()).unwrap_or(0);
    Some(Loop {
        device: Path::new("/dev").join(name),
        file: read("loop/backing_file")?.into(),
        offset: number("loop/offset"),
        size_limit: number("loop/sizelimit"),
        read_only: number("ro") != 0,
        autoclear: number("loop/autoclear") != 0,
    })
}

/// The device of a free number, made when all are in use.
pub fn free() -> Result<PathBuf> {
    let open = || OpenOptions::new().read(true).write(true).open(CONTROL);
    let mut control = open();
    if matches!(&control, Err(e) if e.kind() == io::ErrorKind::NotFound) {
        // There is no node that could call for the driver by being opened. What is wrong shows when it still is not there.
        let _ = Modules::of_running_kernel().and_then(|modules| modules.load("loop", &[]));
        control = open();
    }
    let control = control.on("open", CONTROL)?;
    let number = loop_device::free(&control).doing("find a free loop device")?;
    Ok(PathBuf::from(format!("/dev/loop{number}")))
}

/// Put a file behind a free device. The open device comes back too: one with autoclear goes away when nobody has it open.
pub fn attach_free(file: &Path, setting: Setting) -> Result<(PathBuf, File)> {
    for _ in 0..TRIES {
        let device = free()?;
        match attach(&device, file, setting)? {
            Err(e) if e.kind() == io::ErrorKind::ResourceBusy => {}
            done => return done.on("set up", &device).map(|open| (device, open)),
        }
    }
    Err(Error::new("find a free loop device: others took each one first"))
}

/// Put a file behind a device. The kernel's own answer is the inner one.
pub fn attach(device: &Path, file: &Path, setting: Setting) -> Result<io::Result<File>> {
    let writable = setting.flags & loop_device::READ_ONLY == 0;
    let open = |path: &Path| OpenOptions::new().read(true).write(writable).open(path).on("open", path);
    let (backing, target) = (open(file)?, open(device)?);
    let absolute = fs::canonicalize(file).unwrap_or_else(|_| file.into());
    let setting = Setting { name: absolute.as_os_str().as_encoded_bytes(), ..setting };
    Ok(loop_device::attach(&target, &backing, &setting).map(|()| target))
}

/// Take the file away from a device.
pub fn detach(device: &Path) -> Result<()> {
    let open = File::open(device).on("open", device)?;
    match loop_device::detach(&open) {
        Err(e) if e.raw_os_error() == Some(6) => Err(Error::new(format!("detach {}: shows no file", device.display()))),
        other => other.on("detach", device),
    }
}
