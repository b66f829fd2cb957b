//! The crate's commands by the name of the link or by the first argument: for trying them without the whole binary.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let named = |arg: Option<&OsString>| {
        let name = Path::new(arg?).file_name()?;
        hardware::APPLETS.iter().find(|applet| name == applet.name)
    };
    let (applet, args) = match named(args.first()) {
        Some(applet) => (Some(applet), args.as_slice()),
        None => (named(args.get(1)), args.get(1..).unwrap_or_default()),
    };
    let Some(applet) = applet else { return ExitCode::from(127) };
    match (applet.run)(args) {
        Ok(exit) => ExitCode::from(exit.0),
        Err(e) => {
            let written =
                if e.is_text() { write!(std::io::stdout(), "{e}") } else { writeln!(std::io::stderr(), "{}: {e}", applet.name) };
            ExitCode::from(if written.is_ok() { e.exit().0 } else { 1 })
        }
    }
}
