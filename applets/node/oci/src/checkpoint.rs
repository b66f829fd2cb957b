//! `checkpoint` and `restore`: refused. They need CRIU, a program of its own that we neither carry nor replace.

use std::ffi::OsString;

use clap::Args;
use kit::{Error, Exit, Result};

/// Options of `checkpoint` and `restore`.
#[derive(Debug, Args)]
pub struct Options {
    /// Arguments of any kind: the answer is the same
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _rest: Vec<OsString>,
}

/// Say so.
pub fn refuse(verb: &str, _: &Options) -> Result<Exit> {
    Err(Error::new(format!("{verb}: not supported: containers can't be saved and restored, as there is no CRIU here")))
}
