//! The record by which the tables know a command.

use std::ffi::OsString;

use crate::{Exit, Result};

/// Entry function of an applet: `args[0]` is the name it was called by.
pub type Entry = fn(&[OsString]) -> Result<Exit>;

/// One row of a table: everything that help, `--list`, the links and the documentation derive from.
#[derive(Clone, Copy, Debug)]
pub struct Applet {
    /// The name that it is called by.
    pub name: &'static str,
    /// Purpose in a few words, for `--list` and the head of its help.
    pub about: &'static str,
    /// Place of its link.
    pub place: Place,
    /// The function to call.
    pub run: Entry,
}

/// The directory of an applet's link to the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `/bin`
    Bin,
    /// `/sbin`
    Sbin,
    /// `/`, for `init`
    Root,
    /// `/opt/cni/bin`: a CNI plugin, which is this one only when `CNI_COMMAND` is set.
    Cni,
    /// No link: reached as `kutties NAME` alone.
    Hidden,
    /// No link, and said by `kutties NAME` before a linked applet of that name: `kutties join` joins a cluster, `join` lines.
    Node,
}

impl Place {
    /// The directory, or none for an applet without a link.
    pub const fn dir(self) -> Option<&'static str> {
        match self {
            Self::Bin => Some("/bin"),
            Self::Sbin => Some("/sbin"),
            Self::Root => Some("/"),
            Self::Cni => Some("/opt/cni/bin"),
            Self::Hidden | Self::Node => None,
        }
    }
}
