//! Common base of all applets: the record in the tables, arguments, errors, output, the system's
//! fixed paths, and the supervisor's control socket. No command lives here.

pub mod account;
mod applet;
mod args;
pub mod call;
pub mod calls;
pub mod cgroup;
pub mod clock;
mod context;
pub mod control;
mod error;
pub mod example;
mod exit;
pub mod fs;
pub mod glob;
pub mod hex;
mod kind;
pub mod modules;
mod output;
pub mod own;
pub mod paths;
pub mod scm;
pub mod signal;
pub mod tree;
pub mod trust;
pub mod web;

pub use applet::{Applet, Entry, Place};
pub use args::{Later, parse, parse_matched, version, version_number};
pub use context::Context;
pub use error::{Error, Report, Result};
pub use exit::Exit;
pub use kind::Kind;
pub use output::{out, print, print_bytes, warn};
