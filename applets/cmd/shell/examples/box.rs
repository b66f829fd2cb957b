//! The crate's applets in a binary of their own, called by the name of a link or by the first argument: for trying them by hand.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    let name = |args: &[OsString]| {
        let name = args.first().and_then(|arg| Path::new(arg).file_name()).unwrap_or_default();
        name.to_string_lossy().trim_start_matches('-').replace("ash", "sh").replace("bsh", "bash")
    };
    let find = |name: &str| shell::APPLETS.iter().find(|applet| applet.name == name);
    if find(&name(&args)).is_none() && args.len() > 1 {
        args.remove(0);
    }
    let name = name(&args);
    let Some(applet) = find(&name) else { return ExitCode::from(127) };
    match (applet.run)(&args) {
        Ok(exit) => ExitCode::from(exit.0),
        Err(e) => {
            // A closed standard error loses the message.
            let _ = writeln!(std::io::stderr(), "{name}: {e}");
            ExitCode::from(e.exit().0)
        }
    }
}
