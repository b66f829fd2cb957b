//! `image export`.

use clap::Args;
use kit::{Error, Exit, Result};

use crate::store::Store;

#[derive(Args)]
pub struct Options {
    /// The archive to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: std::path::PathBuf,
    /// Names, ids, or names with digests
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

pub fn run(_: &Store, _: &Options) -> Result<Exit> {
    Err(Error::new("later"))
}
