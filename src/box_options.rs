//! Options of the box itself: `--list`, `--install DIR`, `--help`, `--version`.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use kit::{Applet, Context, Error, Exit, Place, Result, out, paths};

use crate::registry;

/// The box's own options, when the first argument names no applet.
pub fn run(args: &[OsString]) -> Result<Exit> {
    match (args[0].to_str(), args.get(1)) {
        (Some("--list"), None) => list(),
        (Some("--install"), Some(dir)) if args.len() == 2 => install(Path::new(dir)),
        (Some("--install"), _) => Err(Error::usage("give the directory that the links go to: kutties --install DIR")),
        (Some("--help" | "-h" | "help"), None) => help(),
        (Some("--version" | "-V"), None) => Err(Error::text(format!("kutties {}\n", kit::version()))),
        (Some(option), _) if option.starts_with('-') => Err(Error::usage("no such option; kutties --help lists them")),
        _ => Err(Error::new("no such applet; kutties --list lists them").with_exit(Exit::NOT_FOUND)),
    }
}

/// Usage, and every applet with its summary.
pub fn help() -> Result<Exit> {
    let mut text = String::from(
        "kutties turns a bare Linux kernel into a Kubernetes node\n\n\
         Usage: kutties APPLET [ARGUMENT]...\n       APPLET [ARGUMENT]...      through a link of that name\n       \
         kutties --list            the applets' names\n       kutties --install DIR     make the links below DIR\n       \
         kutties --version\n\nApplets (APPLET --help tells more):\n",
    );
    for applet in registry::all() {
        // Writing to a string can't fail.
        let word = if applet.place == Place::Node { "kutties " } else { "" };
        let _ = writeln!(text, "  {:<16} {}", format!("{word}{}", applet.name), applet.about);
    }
    Err(Error::text(text))
}

fn list() -> Result<Exit> {
    let mut out = out();
    // One line a name: the node's own command may have that of a linked applet.
    let named_twice = |applet: &Applet| applet.place == Place::Node && registry::find(applet.name).is_some();
    for applet in registry::all().filter(|a| a.place != Place::Cni && !named_twice(a)) {
        writeln!(out, "{}", applet.name).doing("write the list")?;
    }
    out.flush().doing("write the list")?;
    Ok(Exit::OK)
}

/// Make every applet's link below `dir`, leading to the binary at its fixed path. A file that is in the way is an error.
fn install(dir: &Path) -> Result<Exit> {
    for applet in registry::all() {
        let Some(place) = applet.place.dir() else { continue };
        let directory = dir.join(place.trim_start_matches('/'));
        std::fs::create_dir_all(&directory).on("make", &directory)?;
        let link = directory.join(applet.name);
        match std::fs::read_link(&link) {
            Ok(to) if to == Path::new(paths::BINARY) => {}
            _ => symlink(paths::BINARY, &link).on("make", &link)?,
        }
    }
    Ok(Exit::OK)
}
