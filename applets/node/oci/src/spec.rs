//! `spec`: a configuration to begin from.

use std::path::PathBuf;

use clap::Args;
use kit::{Context, Error, Exit, Result};
use oci_spec::runtime::Spec;

use crate::directory::write;

/// Options of `spec`.
#[derive(Debug, Args)]
pub struct Options {
    /// Directory to write it to
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    bundle: PathBuf,
}

/// Enter.
pub fn run(options: &Options) -> Result<Exit> {
    let path = options.bundle.join("config.json");
    if path.exists() {
        return Err(Error::new(format!("file {} exists; remove it first", path.display())));
    }
    let text = serde_json::to_vec_pretty(&Spec::default()).doing("encode a configuration")?;
    write(&path, &text)?;
    Ok(Exit::OK)
}
