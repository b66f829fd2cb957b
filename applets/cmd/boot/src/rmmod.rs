//! `rmmod MODULE...` removes modules that nobody uses, by name or file name.

use std::ffi::{CString, OsString};
use std::io::{self, Write};

use clap::Parser;
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

/// Modules out.
pub const RMMOD: Applet = Applet { name: "rmmod", about: "remove kernel modules", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Say what was removed.
    #[arg(short, long)]
    verbose: bool,
    /// The modules.
    #[arg(required = true)]
    modules: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&RMMOD, args)?;
    let mut exit = Exit::OK;
    for given in &options.modules {
        let file = given.rsplit('/').next().unwrap_or(given);
        let name = file.split_once(".ko").map_or(file, |(name, _)| name).replace('-', "_");
        let said = match remove(&name) {
            Ok(()) if options.verbose => format!("rmmod {name}"),
            Ok(()) => continue,
            Err(e) => {
                exit = Exit::FAILED;
                format!("rmmod: {e}")
            }
        };
        // A closed standard error loses the message.
        let _ = writeln!(io::stderr(), "{said}");
    }
    Ok(exit)
}

fn remove(name: &str) -> Result<()> {
    let text = CString::new(name).doing("read the name")?;
    match sys::module::remove(&text) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(Error::new(format!("remove {name}: it is in use"))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(Error::new(format!("remove {name}: it is not loaded"))),
        other => other.on("remove", name),
    }
}
