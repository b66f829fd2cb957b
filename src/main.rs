//! kutties: argv\[0\], or argv\[1\] when called as `kutties`, names an applet; its result becomes the exit status.

mod box_options;
mod man;
mod manual;
#[cfg(test)]
mod page;
mod registry;
mod roff;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use kit::{Error, Exit, Result, call};
use sys::heap::Heap;

/// One heap for all threads. The C library's has one for each processor and gives nothing back: what one thread allocates and another
/// frees, as the CRI server's do, makes it larger with each pod.
#[global_allocator]
static HEAP: Heap = Heap;

fn main() -> ExitCode {
    sys::heap::survive_forks();
    let args: Vec<OsString> = std::env::args_os().collect();
    let name = args.first().and_then(|a| Path::new(a).file_name()).unwrap_or_default().to_string_lossy().into_owned();
    // A login shell's name begins with a dash.
    let name = name.trim_start_matches('-');
    name_process(name);
    let (name, result) = match registry::find(name) {
        Some(applet) => (name.to_owned(), (applet.run)(&args)),
        None => call_by_argument(args.get(1..).unwrap_or_default()),
    };
    let exit = match result {
        Ok(exit) => exit,
        Err(e) => report(&name, &e),
    };
    ExitCode::from(exit.0)
}

/// Gives the process its applet's name where the kernel has that of the link by which the shell starts applets, `/proc/self/exe`:
/// `ps` and `pstree` show it. A failure costs that name alone.
fn name_process(name: &str) {
    let is_exe = rustix::thread::name().is_ok_and(|name| name.as_bytes() == b"exe");
    if let (true, Ok(name)) = (is_exe, std::ffi::CString::new(name)) {
        let _ = rustix::thread::set_name(&name);
    }
}

/// `kutties NAME …`, or the box's own options.
fn call_by_argument(args: &[OsString]) -> (String, Result<Exit>) {
    let args = match args {
        [option, number, rest @ ..] if option == call::OPTION => match call::report_to(number) {
            Ok(()) => rest,
            Err(e) => return ("kutties".into(), Err(e)),
        },
        _ => args,
    };
    let Some(name) = args.first().map(|a| a.to_string_lossy().into_owned()) else {
        return ("kutties".into(), box_options::help());
    };
    let result = match registry::find_by_argument(&name) {
        _ if registry::is_moved(&name) => Err(moved(&name)),
        Some(applet) => (applet.run)(args),
        None => box_options::run(args),
    };
    (name, result)
}

/// Names the new form of crictl's verb. A link of that name runs another command, which was not
/// meant.
fn moved(name: &str) -> Error {
    let other = match registry::find(name) {
        Some(applet) => format!("; {name} alone is there to {}", applet.about),
        None => String::new(),
    };
    Error::usage(format!("this is `kutties crictl {name}` now, or `crictl {name}`{other}"))
}

/// Say it once: a text that was asked for on standard output, a complaint to the applet that started this one, or on standard error.
fn report(name: &str, e: &Error) -> Exit {
    if e.is_text() {
        return match write!(std::io::stdout(), "{e}") {
            Ok(()) => e.exit(),
            Err(_) => Exit::FAILED,
        };
    }
    if call::report(e) {
        return e.exit();
    }
    // A closed standard error loses the message.
    let _ = writeln!(std::io::stderr(), "{name}: {e}");
    e.exit()
}
