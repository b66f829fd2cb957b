//! `i2cdetect` looks for devices on an I2C bus.
//!
//! ```text
//! i2cdetect -l        the buses
//! i2cdetect -F 0      functions of a bus
//! i2cdetect -y 0      a table: the address where a device answered, UU where a driver holds it
//! i2cdetect -y -r 0 0x50 0x57
//! ```
//!
//! A look at an address can confuse the device there. `-y` looks without asking.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use sys::device_io::{self, Transfer};

use crate::attribute::{self, entries, name, text};
use crate::output::show;

/// Buses of I2C.
pub const I2CDETECT: Applet = Applet { name: "i2cdetect", about: "look for devices on an I2C bus", place: Place::Sbin, run };

/// Functions of a bus (linux/i2c.h) in the order and with the names of i2c-tools.
const FUNCTIONS: [(u64, &str); 18] = [
    (0x1, "I2C"),
    (0x1_0000, "SMBus Quick Command"),
    (0x4_0000, "SMBus Send Byte"),
    (0x2_0000, "SMBus Receive Byte"),
    (0x10_0000, "SMBus Write Byte"),
    (0x8_0000, "SMBus Read Byte"),
    (0x40_0000, "SMBus Write Word"),
    (0x20_0000, "SMBus Read Word"),
    (0x80_0000, "SMBus Process Call"),
    (0x200_0000, "SMBus Block Write"),
    (0x100_0000, "SMBus Block Read"),
    (0x8000, "SMBus Block Process Call"),
    (0x8, "SMBus PEC"),
    (0x800_0000, "I2C Block Write"),
    (0x400_0000, "I2C Block Read"),
    (0x1000_0000, "SMBus Host Notify"),
    (0x2, "10-bit addressing"),
    (0x20, "Target mode"),
];
const QUICK: u64 = 0x1_0000;
const READ_BYTE: u64 = 0x2_0000;

#[derive(Parser)]
struct Options {
    /// List the buses.
    #[arg(short)]
    list: bool,
    /// Show the functions of a bus.
    #[arg(short = 'F')]
    functions: bool,
    /// Look without asking.
    #[arg(short)]
    yes: bool,
    /// Look at all addresses, those that are reserved, too.
    #[arg(short)]
    all: bool,
    /// Look by a quick write.
    #[arg(short, conflicts_with = "read")]
    quick: bool,
    /// Look by reading a byte.
    #[arg(short)]
    read: bool,
    /// Bus by number or name.
    bus: Option<String>,
    /// First address.
    first: Option<String>,
    /// Last address.
    last: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&I2CDETECT, args)?;
    let root = Path::new("/");
    if options.list {
        show(&buses(root).iter().map(|bus| bus.line(functions_of(bus.number))).collect::<Vec<_>>())?;
        return Ok(Exit::OK);
    }
    let wanted = options.bus.as_deref().ok_or_else(|| Error::usage("a bus is missing (-l lists them)"))?;
    let number = number(root, wanted)?;
    let path = PathBuf::from(format!("/dev/i2c-{number}"));
    let file = OpenOptions::new().read(true).write(true).open(&path).on("open", &path)?;
    let functions = device_io::bus_functions(&file).on("ask for the functions of", &path)?;
    if options.functions {
        show(&implemented(functions, &path))?;
        return Ok(Exit::OK);
    }
    let range = range(&options)?;
    let way = way(&options, functions)?;
    if !options.yes && !agreed(&path)? {
        return Ok(Exit::FAILED);
    }
    show(&grid(range, |address| probe(&file, address, way)))?;
    Ok(Exit::OK)
}

struct Bus {
    number: u32,
    name: String,
}

impl Bus {
    /// Line of the list. A bus that can't be asked is of no known kind.
    fn line(&self, functions: Option<u64>) -> String {
        let (kind, method) = match functions {
            Some(functions) if functions & 1 != 0 => ("i2c", "I2C adapter"),
            Some(functions) if functions & 0xff_8000 != 0 => ("smbus", "SMBus adapter"),
            Some(_) => ("dummy", "Dummy bus"),
            None => ("unknown", "N/A"),
        };
        format!("i2c-{}\t{kind:<10}\t{:<32}\t{method}", self.number, self.name)
    }
}

fn functions_of(number: u32) -> Option<u64> {
    device_io::bus_functions(&File::open(format!("/dev/i2c-{number}")).ok()?).ok()
}

fn buses(root: &Path) -> Vec<Bus> {
    let bus = |path: &PathBuf| {
        Some(Bus { number: name(path).strip_prefix("i2c-")?.parse().ok()?, name: text(path.join("name")).unwrap_or_default() })
    };
    let mut buses: Vec<_> = entries(root.join("sys/class/i2c-dev")).iter().filter_map(bus).collect();
    buses.sort_by_key(|bus| bus.number);
    buses
}

/// Number of a bus: itself, or that of the one bus of that name.
fn number(root: &Path, wanted: &str) -> Result<u32> {
    if let Some(number) = attribute::parse(wanted).and_then(|number| u32::try_from(number).ok()) {
        return Ok(number);
    }
    let found: Vec<_> = buses(root).into_iter().filter(|bus| bus.name == wanted).collect();
    match found.as_slice() {
        [bus] => Ok(bus.number),
        [] => Err(Error::new(format!("{wanted}: no such bus"))),
        _ => Err(Error::new(format!("{wanted}: more than one bus has that name; use a number"))),
    }
}

fn implemented(functions: u64, path: &Path) -> Vec<String> {
    let line = |(bit, name): &(u64, &str)| format!("{name:<32} {}", if functions & bit == 0 { "no" } else { "yes" });
    let head = format!("Functionalities implemented by {}:", path.display());
    [head].into_iter().chain(FUNCTIONS.iter().map(line)).collect()
}

fn range(options: &Options) -> Result<(u16, u16)> {
    let whole = if options.all { (0, 0x7f) } else { (0x08, 0x77) };
    let address = |text: &Option<String>, usual: u16| match text {
        None => Ok(usual),
        Some(text) => {
            let address = attribute::parse(text).and_then(|n| u16::try_from(n).ok());
            let address = address.filter(|address| (whole.0..=whole.1).contains(address));
            address.ok_or_else(|| Error::usage(format!("{text}: addresses are {:#04x} to {:#04x}", whole.0, whole.1)))
        }
    };
    let (first, last) = (address(&options.first, whole.0)?, address(&options.last, whole.1)?);
    if first > last { Err(Error::usage("the last address is before the first")) } else { Ok((first, last)) }
}

/// Ways of a look at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Quick write, which has no effect on most devices.
    Quick,
    /// Read of a byte.
    Read,
    /// Read where memories are, which a quick write can lock or confuse, and a quick write elsewhere.
    Mixed,
}

fn way(options: &Options, functions: u64) -> Result<Way> {
    let lacks = |name: &str| Error::new(format!("the bus can't do {name}"));
    match (functions & QUICK != 0, functions & READ_BYTE != 0) {
        (false, _) if options.quick => Err(lacks("quick writes")),
        (_, false) if options.read => Err(lacks("reads of a byte")),
        (false, false) => Err(lacks("quick writes and reads of a byte")),
        _ if options.quick => Ok(Way::Quick),
        _ if options.read => Ok(Way::Read),
        (true, true) => Ok(Way::Mixed),
        (true, false) => Ok(Way::Quick),
        (false, true) => Ok(Way::Read),
    }
}

fn agreed(path: &Path) -> Result<bool> {
    let mut err = io::stderr().lock();
    write!(err, "A look at each address of {} can confuse devices. Continue? [Y/n] ", path.display()).doing("ask")?;
    err.flush().doing("ask")?;
    let mut answer = String::new();
    let count = io::stdin().read_line(&mut answer).doing("read the answer")?;
    Ok(count > 0 && !answer.trim_start().starts_with(['n', 'N']))
}

/// Answers of an address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Nothing,
    Device,
    Driver,
}

fn probe(bus: &File, address: u16, way: Way) -> Answer {
    if let Err(e) = device_io::choose_address(bus, address, false) {
        // A driver holds the device.
        return if e.kind() == io::ErrorKind::ResourceBusy { Answer::Driver } else { Answer::Nothing };
    }
    let reads = way == Way::Read || way == Way::Mixed && matches!(address, 0x30..=0x37 | 0x50..=0x5f);
    let answer = if reads {
        device_io::bus_read(bus, 0, Transfer::Byte).map(|_| ())
    } else {
        device_io::bus_write(bus, 0, 0, Transfer::Quick)
    };
    if answer.is_ok() { Answer::Device } else { Answer::Nothing }
}

fn grid((first, last): (u16, u16), mut probe: impl FnMut(u16) -> Answer) -> Vec<String> {
    let mut lines = vec!["     0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f".to_owned()];
    for row in (0..0x80).step_by(16) {
        let cells = (row..row + 16).map(|address| match address {
            address if address < first || address > last => "   ".to_owned(),
            address => match probe(address) {
                Answer::Nothing => "-- ".to_owned(),
                Answer::Device => format!("{address:02x} "),
                Answer::Driver => "UU ".to_owned(),
            },
        });
        lines.push([format!("{row:02x}: ")].into_iter().chain(cells).collect());
    }
    lines
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_grid_has_a_place_for_each_address() {
        let answer = |address| match address {
            0x50 => Answer::Device,
            0x51 => Answer::Driver,
            _ => Answer::Nothing,
        };
        let lines = grid((0x08, 0x77), answer);
        assert_eq!(lines[1], "00:                         -- -- -- -- -- -- -- -- ");
        assert!(lines[6].starts_with("50: 50 UU -- "));
        assert_eq!(lines[8], "70: -- -- -- -- -- -- -- --                         ");
    }

    #[test]
    fn ranges_and_ways_are_checked() {
        let options = |args: &[&str]| Options::try_parse_from([&["i2cdetect"], args].concat()).unwrap();
        assert_eq!(range(&options(&["0", "0x50", "0x57"])).unwrap(), (0x50, 0x57));
        assert!(range(&options(&["0", "0x00"])).is_err() && range(&options(&["0", "9", "8"])).is_err());
        assert_eq!(range(&options(&["-a", "0"])).unwrap(), (0, 0x7f));
        assert_eq!(way(&options(&["0"]), QUICK | READ_BYTE).unwrap(), Way::Mixed);
        assert!(way(&options(&["-q", "0"]), READ_BYTE).is_err() && way(&options(&["0"]), 0).is_err());
    }

    #[test]
    fn buses_are_found_by_number_or_name() {
        let root = std::env::temp_dir().join(format!("i2c-{}", std::process::id()));
        let bus = root.join("sys/class/i2c-dev/i2c-3");
        std::fs::create_dir_all(&bus).unwrap();
        std::fs::write(bus.join("name"), "SMBus I801\n").unwrap();
        assert_eq!(number(&root, "SMBus I801").unwrap(), 3);
        assert!(number(&root, "other").is_err());
        assert_eq!(buses(&root)[0].line(None), format!("i2c-3\tunknown   \t{:<32}\tN/A", "SMBus I801"));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
