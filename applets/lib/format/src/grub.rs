//! GRUB's configurations: the part of its shell that finds systems to boot. No input or output here: [`Disks`] does it.
//!
//! Menu entries are collected first, and their bodies run when the configuration has been read, with
//! the variables that it left: as GRUB runs them when one is chosen. Drawing on the screen is left
//! aside. An entry whose body needs what can't be done here stays in the menu, with the reason.

mod commands;
mod default;
mod devices;
mod features;
mod pattern;
mod read;
mod scene;
mod shell;
mod test;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::menu::{Entry, Menu};

/// By what another file system is looked for, or what is asked of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Its UUID.
    Uuid,
    /// Its label.
    Label,
    /// A file that it has.
    File,
}

/// A fact about a file system (`probe`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// Its UUID.
    Uuid,
    /// Its label.
    Label,
    /// Its kind, in Linux' words.
    Kind,
    /// The UUID of the partition that it lies on.
    Partition,
}

/// The file systems of the machine. A device is named as `search` named it; the empty name is the configuration's own.
pub trait Disks {
    /// A text file.
    fn read(&mut self, device: &str, path: &str) -> Option<String>;
    /// Tells if a file or directory is there.
    fn exists(&mut self, device: &str, path: &str) -> bool;
    /// The first file system that fits.
    fn search(&mut self, by: By, value: &str) -> Option<String>;
    /// Boot loader entries of a file system (`blscfg`), with the script's variables put in.
    fn entries(&mut self, device: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Entry>;

    /// The file system of a partition, counted from 1, of a disk, counted from 0 beginning with the
    /// configuration's own.
    fn partition(&mut self, disk: usize, partition: usize) -> Option<String> {
        let _ = (disk, partition);
        None
    }

    /// A fact about a file system.
    fn fact(&mut self, device: &str, fact: Fact) -> Option<String> {
        let _ = (device, fact);
        None
    }

    /// The file system inside a file (`loopback`).
    ///
    /// # Errors
    /// A sentence about what hinders.
    fn inside(&mut self, device: &str, path: &str) -> Result<String, String> {
        let _ = device;
        Err(alloc::format!("the image {path} is not read here"))
    }
}

/// Run a configuration that lies in the directory `prefix`.
///
/// # Errors
/// A sentence about what can't be read, or runs too long.
pub fn run(text: &str, prefix: &str, disks: &mut dyn Disks) -> Result<Menu, String> {
    let commands = read::read(text)?;
    let mut shell = shell::Shell::new(prefix, disks);
    let level = shell.configuration(&commands)?;
    Ok(default::menu(level))
}

/// GRUB's environment block with a variable set: 1024 bytes, filled with `#`.
///
/// # Errors
/// A sentence when it is no such block, or has no room.
pub fn with_variable(block: &[u8], name: &str, value: &str) -> Result<Vec<u8>, String> {
    const HEAD: &str = "# GRUB Environment Block\n";
    let text = core::str::from_utf8(block).map_err(|_| "it is no environment block")?;
    let Some(rest) = text.strip_prefix(HEAD).filter(|_| block.len() == 1024) else {
        return Err("it is no environment block of GRUB".into());
    };
    let own = |line: &str| line.split_once('=').is_some_and(|(of, _)| of == name);
    // The filling has no line's end, so it is the last line.
    let kept = rest.trim_end_matches('#').lines().filter(|line| !own(line));
    let mut out = HEAD.to_string();
    for line in kept {
        out.extend([line, "\n"]);
    }
    if value.contains(['\n', '\\']) || name.contains(['\n', '=']) {
        return Err("a value has characters that need marks".into());
    }
    out.extend([name, "=", value, "\n"]);
    if out.len() > block.len() {
        return Err("the environment block is full".into());
    }
    out.extend(core::iter::repeat_n('#', block.len() - out.len()));
    Ok(out.into_bytes())
}

#[cfg(test)]
mod tests;
