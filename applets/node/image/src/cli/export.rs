//! `image export`.

use std::fs::File;
use std::io::{BufWriter, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use kit::{Context, Error, Exit, Result, out};

use super::get;
use crate::export::export;
use crate::store::Store;

#[derive(Args)]
pub struct Options {
    /// The archive to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Names, ids, or names with digests
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

pub fn run(store: &Store, options: &Options) -> Result<Exit> {
    let images = options.images.iter().map(|name| get(store, name)).collect::<Result<Vec<_>>>()?;
    if options.output.as_os_str() == "-" {
        if std::io::stdout().is_terminal() {
            return Err(Error::usage("an archive is nothing for a terminal: give a file with -o"));
        }
        return export(store, &images, out()).map(|()| Exit::OK);
    }
    // Beside its place until it is whole: half an archive under its name would be taken for one.
    let mut partial = options.output.clone().into_os_string();
    partial.push(".partial");
    let file = File::create(&partial).on("make", &partial)?;
    let written = export(store, &images, BufWriter::with_capacity(1 << 20, file));
    let written = written.and_then(|()| std::fs::rename(&partial, &options.output).on("rename", &partial));
    if written.is_err() {
        // It was not wanted in part.
        let _ = std::fs::remove_file(&partial);
    }
    written.map(|()| Exit::OK)
}
