//! iPXE's scripts: the commands that find something to boot. No input or output here: a [`World`] does it.
//!
//! Files are fetched by the command that names them, so that `||` sees what failed. A command that
//! can't be done here fails, with a sentence; none of them does nothing in silence.

mod commands;
mod images;
mod machine;
mod menus;
mod settings;

use alloc::string::String;
use alloc::vec::Vec;

/// A script begins with it.
pub const MAGIC: &str = "#!ipxe";

/// A file that was fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// By which [`World`] knows it.
    pub key: usize,
    /// Its place, to which its own URIs are relative.
    pub url: String,
    /// Its text when it is a script.
    pub script: Option<String>,
}

/// Environment of a script: variables and files.
pub trait World {
    /// A variable that the script has not set: `mac`, `net0/ip`, `uuid`, `platform` and the like.
    fn variable(&mut self, name: &str) -> Option<String>;
    /// Fetch a file, relative to `base`; with a form's fields by POST.
    ///
    /// # Errors
    /// A sentence about what hinders.
    fn fetch(&mut self, base: &str, uri: &str, form: Option<&[(String, String)]>) -> Result<Fetched, String>;
    /// A file that was fetched is not used any more.
    fn free(&mut self, key: usize);
    /// Load what was found, so that it can be started.
    ///
    /// # Errors
    /// A sentence about what hinders; the script goes on.
    fn load(&mut self, found: &Found) -> Result<(), String>;
    /// A word to whoever watches.
    fn say(&mut self, text: &str);
    /// Let somebody choose, for so many milliseconds (0 for ever); none when nobody wants any of them.
    fn choose(&mut self, menu: &Choice) -> Option<usize>;
    /// Wait for so many seconds.
    fn sleep(&mut self, seconds: u64);
    /// The address of a host.
    ///
    /// # Errors
    /// A sentence about what hinders.
    fn lookup(&mut self, host: &str) -> Result<String, String>;
    /// The flags of the processor as Linux names them; none where it has no CPUID.
    fn cpu(&mut self) -> Option<String>;
}

/// A menu of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Above it.
    pub title: String,
    /// Labels and what a person sees.
    pub items: Vec<(String, String)>,
    /// The item that is taken when the time is over.
    pub default: usize,
    /// In milliseconds; 0 means to wait.
    pub timeout: u32,
}

/// Files that a script has loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The kernel's file.
    pub kernel: Fetched,
    /// The segments, and the path in the initramfs of those that are no archives.
    pub initrds: Vec<(Fetched, Option<String>)>,
    /// The command line.
    pub words: String,
}

/// Outcome of a script.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// With something that was loaded.
    Boot,
    /// With the local disk.
    Disk,
    /// The machine is switched off.
    Off,
    /// The machine is started anew.
    Restart,
    /// Without anything: the firmware goes on. The number is that of `exit`.
    Exit(u32),
}

/// Run a script whose own place is `base`.
///
/// # Errors
/// A sentence about the command that failed with nothing behind it to catch that, or that is not known.
pub fn run(text: &str, base: &str, world: &mut dyn World) -> Result<End, String> {
    machine::run(text, base, world)
}

#[cfg(test)]
mod tests;
