//! `insmod FILE [PARAMETER=VALUE]...` inserts one module file, compressed or not, without what it depends on.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::path::PathBuf;

use clap::Parser;
use kit::{Applet, Context, Exit, Place, Result, parse};

/// One module in.
pub const INSMOD: Applet = Applet { name: "insmod", about: "insert a kernel module from its file", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// The module's file.
    file: PathBuf,
    /// Its parameters.
    #[arg(trailing_var_arg = true)]
    parameters: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&INSMOD, args)?;
    let parameters = CString::new(options.parameters.join(" ")).doing("read the parameters")?;
    let file = File::open(&options.file).on("open", &options.file)?;
    let compressed = options.file.extension().is_some_and(|e| e != "ko");
    sys::module::insert(&file, &parameters, compressed).on("insert", &options.file)?;
    Ok(Exit::OK)
}
