//! `devmem` reads or writes a register of a device by its physical address.
//!
//! ```text
//! devmem 0xfed00000           32 bits
//! devmem 0xfed00000 64        64 bits
//! devmem 0x3f200000 32 0x12   write
//! ```
//!
//! A write to a wrong address can stop the machine. The address must be a multiple of the width.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};
use sys::physical::{self, Width};

use crate::attribute;
use crate::output::show;

/// Physical memory.
pub const DEVMEM: Applet = Applet { name: "devmem", about: "read or write physical memory", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Use this file in place of /dev/mem.
    #[arg(short, value_name = "FILE", default_value = "/dev/mem")]
    file: PathBuf,
    /// Address.
    address: String,
    /// Width in bits: 8, 16, 32 or 64; or b, h, w, l.
    #[arg(default_value = "32")]
    width: String,
    /// Value to write.
    value: Option<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&DEVMEM, args)?;
    let number = |text: &str| attribute::parse(text).ok_or_else(|| Error::usage(format!("{text}: not a number")));
    let address = number(&options.address)?;
    let width = match options.width.as_str() {
        "8" | "b" => Width::Byte,
        "16" | "h" => Width::Half,
        "32" | "w" => Width::Word,
        "64" | "l" => Width::Double,
        other => return Err(Error::usage(format!("{other}: the width is 8, 16, 32 or 64"))),
    };
    if !address.is_multiple_of(width.bytes()) {
        return Err(Error::usage(format!("{address:#x} is not a multiple of {} bytes", width.bytes())));
    }
    let value = options.value.as_deref().map(number).transpose()?;
    if value.is_some_and(|value| width != Width::Double && value >> (8 * width.bytes()) != 0) {
        return Err(Error::usage(format!("the value has more than {} bits", 8 * width.bytes())));
    }
    let file = OpenOptions::new().read(true).write(value.is_some()).open(&options.file).on("open", &options.file)?;
    // An access beyond the end of a mapped file is a signal, not an error.
    let about = file.metadata().on("look at", &options.file)?;
    if about.is_file() && address.checked_add(width.bytes()).is_none_or(|end| end > about.len()) {
        return Err(Error::new(format!("{}: it ends before {address:#x}", options.file.display())));
    }
    if let Some(value) = value {
        physical::write(&file, address, width, value).doing(format!("write at {address:#x}"))?;
    } else {
        let value = physical::read(&file, address, width).doing(format!("read at {address:#x}"))?;
        show(&[format!("0x{value:0digits$X}", digits = width.bytes() as usize * 2)])?;
    }
    Ok(Exit::OK)
}
