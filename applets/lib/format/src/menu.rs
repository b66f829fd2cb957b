//! Entries of boot loaders' configurations, whatever they are written in.

use alloc::format;
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

/// Target of an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Start {
    /// The kernel that it names.
    #[default]
    Kernel,
    /// The local disk, or whatever the firmware starts next.
    Disk,
    /// Nothing: the machine is switched off.
    Off,
    /// The machine, anew.
    Restart,
    /// Something that can't be started from here, and the reason.
    Unknown(String),
}

/// A variable to write into an environment block before the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save {
    /// The block's file.
    pub file: Place,
    /// The variable.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Something to boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Title that a person sees.
    pub title: String,
    /// By what a default names it, beside its title.
    pub id: String,
    /// Target of the entry. The fields below are filled for a kernel only.
    pub start: Start,
    /// The kernel, or a unified kernel image.
    pub kernel: Place,
    /// Segments of the initramfs.
    pub initrds: Vec<Place>,
    /// The kernel's command line.
    pub words: String,
    /// SYSLINUX's SYSAPPEND: a bit for each fact about the machine that the command line gets.
    pub sysappend: u32,
    /// Variables that are written when this entry is started.
    pub saves: Vec<Save>,
}

impl Entry {
    /// An entry that can't be started, and the reason.
    pub fn unknown(title: impl Into<String>, id: impl Into<String>, why: impl Into<String>) -> Self {
        let start = Start::Unknown(why.into());
        Self { title: title.into(), id: id.into(), start, ..Self::default() }
    }

    /// Reason why the entry can't be started.
    pub fn reason(&self) -> Option<&str> {
        match &self.start {
            Start::Unknown(why) => Some(why),
            _ => None,
        }
    }
}

/// Time until the default is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wait {
    /// The configuration does not say.
    #[default]
    Unsaid,
    /// Until somebody chooses.
    Forever,
    /// So many seconds.
    Seconds(u32),
}

/// All that there is to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// In order; also those that can't be started, for a default counts them.
    pub entries: Vec<Entry>,
    /// The one that is taken when nobody chooses, or a sentence why there is none.
    pub default: Result<usize, String>,
    /// Time until then.
    pub wait: Wait,
    /// Entries that are tried in turn when the default can't be loaded.
    pub fallback: Vec<usize>,
    /// Variables that are written whatever is started.
    pub saves: Vec<Save>,
    /// The default holds for one start, and one of `saves` clears it: without that it must not be started.
    pub once: bool,
}

impl Default for Menu {
    fn default() -> Self {
        Self { entries: Vec::new(), default: Ok(0), wait: Wait::Unsaid, fallback: Vec::new(), saves: Vec::new(), once: false }
    }
}

impl Menu {
    /// Number of the entry that is taken when nobody chooses.
    ///
    /// # Errors
    /// A sentence that names the default which is not there or can't be started.
    pub fn automatic(&self) -> Result<usize, String> {
        let number = self.default.clone()?;
        let Some(entry) = self.entries.get(number) else {
            return Err("the configuration has no entry".into());
        };
        match entry.reason() {
            Some(why) => Err(format!("the default entry {:?} can't be started: {why}", entry.title)),
            None => Ok(number),
        }
    }
}
