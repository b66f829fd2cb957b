//! What boot loaders' configurations offer, whatever they are written in.

use alloc::string::String;
use alloc::vec::Vec;

/// More entries than this no menu has.
pub const MOST: usize = 256;

/// A file: on the file system where the configuration lies, or on another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The other file system, as [`crate::grub::Disks::search`] named it; empty for the configuration's own.
    pub device: String,
    /// The path from its root; or a URL.
    pub path: String,
}

/// Something to boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// What a person sees.
    pub title: String,
    /// By what a default names it, beside its title.
    pub id: String,
    /// The kernel, or a unified kernel image.
    pub kernel: Place,
    /// Segments of the initramfs.
    pub initrds: Vec<Place>,
    /// The kernel's command line.
    pub words: String,
}

/// All that there is to choose from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Menu {
    /// In order.
    pub entries: Vec<Entry>,
    /// The one that is taken when nobody chooses.
    pub default: usize,
    /// Seconds until then; none when the configuration does not say.
    pub timeout: Option<u32>,
}

impl Menu {
    /// Take as default what has that number, id or title; else it stays as it is.
    pub fn choose(&mut self, name: &str) {
        let by_name = self.entries.iter().position(|entry| entry.id == name || entry.title == name);
        let number = name.parse().ok().filter(|number| *number < self.entries.len());
        self.default = by_name.or(number).unwrap_or(self.default);
    }
}
