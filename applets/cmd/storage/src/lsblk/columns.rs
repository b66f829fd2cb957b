//! The columns of `lsblk`.

use std::fs;
use std::os::unix::fs::MetadataExt;

use kit::account;
use rustix::fs::statvfs;

use super::device::Device;
use crate::size;

/// Wishes about the cells.
pub struct Context {
    /// Sizes in bytes.
    pub in_bytes: bool,
    /// Names with /dev.
    pub whole_paths: bool,
}

/// Kinds of cells, for the alignment and for JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    Size,
    Bool,
    /// Several lines.
    List,
}

/// A column.
pub struct Column {
    /// Heading.
    pub name: &'static str,
    /// Kind of its cells.
    pub kind: Kind,
    show: fn(&Device, &Context) -> String,
}

impl Column {
    /// Cell of a device.
    pub fn cell(&self, device: &Device, context: &Context) -> String {
        (self.show)(device, context)
    }
}

const fn column(name: &'static str, kind: Kind, show: fn(&Device, &Context) -> String) -> Column {
    Column { name, kind, show }
}

fn amount(bytes: u64, context: &Context) -> String {
    if context.in_bytes { bytes.to_string() } else { size::shown(bytes) }
}

/// Size, free bytes and share of use of the mounted file system.
fn room(device: &Device) -> Option<(u64, u64, u64)> {
    let place = device.mounts.iter().rev().find(|place| place.starts_with('/'))?;
    let found = statvfs(place.as_str()).ok()?;
    let (size, available) = (found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize);
    Some((size, available, size - found.f_bfree * found.f_frsize))
}

fn share(device: &Device) -> String {
    let percent = |(size, _, used): (u64, u64, u64)| format!("{}%", used * 100 / size.max(1));
    room(device).map(percent).unwrap_or_default()
}

fn owner(device: &Device, of: fn(&fs::Metadata) -> String) -> String {
    fs::metadata(device.path()).map(|about| of(&about)).unwrap_or_default()
}

fn mode(about: &fs::Metadata) -> String {
    let letter = |bit: u32, letter: char| if about.mode() & bit == 0 { '-' } else { letter };
    let bits = [0o400, 0o200, 0o100, 0o40, 0o20, 0o10, 4, 2, 1];
    ['b'].into_iter().chain(bits.iter().zip("rwxrwxrwx".chars()).map(|(&bit, name)| letter(bit, name))).collect()
}

/// The scheduler stands in brackets.
fn scheduler(device: &Device) -> String {
    let text = device.attribute("queue/scheduler");
    let chosen = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    chosen.map_or_else(|| text.clone(), |(name, _)| name.to_owned())
}

fn transport(device: &Device) -> String {
    let place = fs::canonicalize(&device.dir).map(|path| path.display().to_string()).unwrap_or_default();
    let known = [("/nvme", "nvme"), ("/virtio", "virtio"), ("/usb", "usb"), ("/ata", "sata"), ("/mmc_host", "mmc")];
    known.iter().find(|(part, _)| place.contains(part)).map(|(_, name)| (*name).to_owned()).unwrap_or_default()
}

fn hotplug(device: &Device) -> String {
    u8::from(device.attribute("removable") == "1" || transport(device) == "usb").to_string()
}

/// All columns that there are.
pub const ALL: &[Column] = &[
    column("NAME", Kind::Text, |d, c| if c.whole_paths { d.path().display().to_string() } else { name(d) }),
    column("KNAME", Kind::Text, |d, c| if c.whole_paths { format!("/dev/{}", d.name) } else { d.name.clone() }),
    column("PATH", Kind::Text, |d, _| d.path().display().to_string()),
    column("MAJ:MIN", Kind::Text, |d, _| format!("{}:{}", d.major, d.minor)),
    column("FSAVAIL", Kind::Size, |d, c| room(d).map(|r| amount(r.1, c)).unwrap_or_default()),
    column("FSSIZE", Kind::Size, |d, c| room(d).map(|r| amount(r.0, c)).unwrap_or_default()),
    column("FSTYPE", Kind::Text, |d, _| d.content().kind.unwrap_or_default().to_owned()),
    column("FSUSED", Kind::Size, |d, c| room(d).map(|r| amount(r.2, c)).unwrap_or_default()),
    column("FSUSE%", Kind::Size, |d, _| share(d)),
    column("MOUNTPOINT", Kind::Text, |d, _| d.mounts.last().cloned().unwrap_or_default()),
    column("MOUNTPOINTS", Kind::List, |d, _| d.mounts.join("\n")),
    column("LABEL", Kind::Text, |d, _| d.content().label.clone().unwrap_or_default()),
    column("UUID", Kind::Text, |d, _| d.content().uuid.clone().unwrap_or_default()),
    column("PTTYPE", Kind::Text, |d, _| d.content().table.unwrap_or_default().to_owned()),
    column("PARTN", Kind::Number, |d, _| if d.parent.is_some() { d.attribute("partition") } else { String::new() }),
    column("START", Kind::Number, |d, _| d.attribute("start")),
    column("RA", Kind::Number, |d, _| d.attribute("queue/read_ahead_kb")),
    column("RO", Kind::Bool, |d, _| d.attribute("ro")),
    column("RM", Kind::Bool, |d, _| d.attribute("removable")),
    column("HOTPLUG", Kind::Bool, |d, _| hotplug(d)),
    column("MODEL", Kind::Text, |d, _| d.attribute("device/model")),
    column("SERIAL", Kind::Text, |d, _| serial(d)),
    column("SIZE", Kind::Size, |d, c| amount(d.sectors * 512, c)),
    column("STATE", Kind::Text, |d, _| d.attribute("device/state")),
    column("OWNER", Kind::Text, |d, _| owner(d, |about| account::user_name(about.uid()))),
    column("GROUP", Kind::Text, |d, _| owner(d, |about| account::group_name(about.gid()))),
    column("MODE", Kind::Text, |d, _| owner(d, mode)),
    column("ALIGNMENT", Kind::Number, |d, _| d.attribute("alignment_offset")),
    column("MIN-IO", Kind::Number, |d, _| d.attribute("queue/minimum_io_size")),
    column("OPT-IO", Kind::Number, |d, _| d.attribute("queue/optimal_io_size")),
    column("PHY-SEC", Kind::Number, |d, _| d.attribute("queue/physical_block_size")),
    column("LOG-SEC", Kind::Number, |d, _| d.attribute("queue/logical_block_size")),
    column("ROTA", Kind::Bool, |d, _| d.attribute("queue/rotational")),
    column("SCHED", Kind::Text, |d, _| scheduler(d)),
    column("RQ-SIZE", Kind::Number, |d, _| d.attribute("queue/nr_requests")),
    column("TYPE", Kind::Text, |d, _| d.kind()),
    column("WWN", Kind::Text, |d, _| d.attribute("wwid")),
    column("PKNAME", Kind::Text, |d, _| d.parent.clone().unwrap_or_default()),
    column("TRAN", Kind::Text, |d, _| if d.parent.is_none() { transport(d) } else { String::new() }),
    column("REV", Kind::Text, |d, _| d.attribute("device/rev")),
    column("VENDOR", Kind::Text, |d, _| d.attribute("device/vendor")),
];

fn name(device: &Device) -> String {
    device.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn serial(device: &Device) -> String {
    let own = device.attribute("serial");
    if own.is_empty() { device.attribute("device/serial") } else { own }
}
