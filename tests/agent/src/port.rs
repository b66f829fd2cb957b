//! Find a virtio-serial port by name: nobody but the kernel need have made links for it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const CLASS: &str = "/sys/class/virtio-ports";
const LINKS: &str = "/dev/virtio-ports";

/// Open the port for reading and writing.
pub fn open(name: &str) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(find(name)?)
}

/// Make /dev/virtio-ports/NAME for each port, as udev would, for scripts that report a verdict.
pub fn link_all() -> io::Result<()> {
    fs::create_dir_all(LINKS)?;
    for entry in fs::read_dir(CLASS)? {
        let entry = entry?;
        let name = name_of(&entry.path())?;
        match std::os::unix::fs::symlink(device(&entry.path()), Path::new(LINKS).join(name)) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn find(name: &str) -> io::Result<PathBuf> {
    for entry in fs::read_dir(CLASS)? {
        let path = entry?.path();
        if name_of(&path)? == name {
            return Ok(device(&path));
        }
    }
    Err(io::Error::new(ErrorKind::NotFound, format!("no virtio-serial port is named {name}")))
}

fn name_of(entry: &Path) -> io::Result<String> {
    Ok(fs::read_to_string(entry.join("name"))?.trim().to_owned())
}

fn device(entry: &Path) -> PathBuf {
    Path::new("/dev").join(entry.file_name().unwrap_or_default())
}
