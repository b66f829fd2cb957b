//! `crictl images`, `pull` and `rmi`: verbs of `kutties image`, whose options they take.

use std::ffi::OsString;

use clap::Args;
use kit::{Exit, Result};

/// Arguments as they came.
#[derive(Debug, Args)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub struct Options {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

/// Runs that verb of `image`.
pub fn with(verb: &str, options: Options) -> Result<Exit> {
    // The version is the program's, whatever the verb.
    let verb = Some(verb).filter(|_| options.args != ["--version"]).map(OsString::from);
    let args: Vec<OsString> = [image::IMAGE.name.into()].into_iter().chain(verb).chain(options.args).collect();
    (image::IMAGE.run)(&args)
}
