//! Dispatcher for trying commands by hand: `box NAME ARGUMENTS...` calls the applet of that name.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let name = args.first().cloned().unwrap_or_default();
    let Some(applet) = coreutils::APPLETS.iter().find(|applet| *applet.name == *name) else {
        return ExitCode::from(127);
    };
    match (applet.run)(&args) {
        Ok(exit) => ExitCode::from(exit.0),
        Err(e) => {
            // A closed standard error loses the message.
            let _ = writeln!(std::io::stderr(), "{}: {e}", applet.name);
            ExitCode::from(e.exit().0)
        }
    }
}
