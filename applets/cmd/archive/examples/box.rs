//! Commands of this crate by `argv[0]` or `argv[1]`, for trying them without the whole binary.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let named = |args: &[OsString]| {
        let name = Path::new(args.first()?).file_name()?.to_str()?.to_owned();
        archive::APPLETS.iter().find(|applet| applet.name == name)
    };
    let (applet, args) = match named(&args) {
        Some(applet) => (applet, &args[..]),
        None => match args.get(1..).map(|rest| (named(rest), rest)) {
            Some((Some(applet), rest)) => (applet, rest),
            _ => return ExitCode::from(127),
        },
    };
    match (applet.run)(args) {
        Ok(exit) => ExitCode::from(exit.0),
        Err(e) if e.is_text() => {
            // A closed output: nobody is there to be told.
            let _ = write!(std::io::stdout(), "{e}");
            ExitCode::from(e.exit().0)
        }
        Err(e) => {
            // As above.
            let _ = writeln!(std::io::stderr(), "{}: {e}", applet.name);
            ExitCode::from(e.exit().0)
        }
    }
}
