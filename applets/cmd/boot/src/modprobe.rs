//! `modprobe MODULE [PARAMETER=VALUE]...` inserts a module, or what has that alias, with all that it depends on.
//!
//! ```text
//! modprobe -a MODULE...        several
//! modprobe -r MODULE...        remove them, and what only they needed
//! modprobe -D MODULE           show what would be inserted (--show-depends)
//! modprobe -n -v MODULE        the same, without what is loaded already
//! ```
//!
//! The kernel calls `modprobe -q -- ALIAS` for what it lacks: then an unknown name is exit status 1 without a word.

use std::ffi::{CString, OsString};
use std::io::{self, Write};

use clap::Parser;
use kit::modules::{self, Modules};
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

/// Modules in, with what they need.
pub const MODPROBE: Applet =
    Applet { name: "modprobe", about: "insert kernel modules and what they need", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// All arguments are modules.
    #[arg(short, long)]
    all: bool,
    /// Remove instead.
    #[arg(short, long)]
    remove: bool,
    /// Do nothing to the kernel.
    #[arg(short = 'n', long, visible_alias = "show")]
    dry_run: bool,
    /// Show what the module needs, in order.
    #[arg(short = 'D', long)]
    show_depends: bool,
    /// A module that is in already is an error.
    #[arg(long)]
    first_time: bool,
    /// An unknown module is no message.
    #[arg(short, long)]
    quiet: bool,
    /// Say what is inserted.
    #[arg(short, long)]
    verbose: bool,
    /// The module and its parameters, or with -a and -r modules.
    #[arg(required = true)]
    words: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&MODPROBE, args)?;
    let (names, parameters) = match options.words.split_first() {
        Some((first, rest)) if !options.all && !options.remove => (std::slice::from_ref(first), rest),
        _ => (options.words.as_slice(), [].as_slice()),
    };
    match names.iter().try_for_each(|name| one(name, parameters, &options)) {
        Err(e) if options.quiet && !is_known(names) => Ok(e.exit()),
        Err(e) => Err(e),
        Ok(()) => Ok(Exit::OK),
    }
}

/// Tells if all names stand for something: with -q only that is no message.
fn is_known(names: &[String]) -> bool {
    Modules::of_running_kernel().is_ok_and(|modules| names.iter().all(|n| !modules.names(n).is_empty()))
}

fn one(name: &str, parameters: &[String], options: &Options) -> Result<()> {
    let modules = Modules::of_running_kernel()?;
    let names = modules.names(name);
    if names.is_empty() {
        return Err(Error::new(format!("find module {name}: there is none")));
    }
    if options.remove {
        return names.iter().try_for_each(|n| remove(&modules, n, options));
    }
    if options.first_time && names.iter().all(|n| modules::is_loaded(n)) {
        return Err(Error::new(format!("insert {name}: it is in already")));
    }
    if options.show_depends || (options.dry_run && options.verbose) {
        return show(&modules, &names, parameters, options);
    }
    if options.dry_run {
        return Ok(());
    }
    let loaded = modules.load(name, parameters)?;
    if options.verbose {
        loaded.iter().try_for_each(|n| say(&format!("insmod {n}")))?;
    }
    Ok(())
}

fn show(modules: &Modules, names: &[String], parameters: &[String], options: &Options) -> Result<()> {
    let parameters = if parameters.is_empty() { String::new() } else { format!(" {}", parameters.join(" ")) };
    for name in names {
        if modules.is_builtin(name) {
            say(&format!("builtin {name}"))?;
        }
        let files = modules.files(name);
        for (at, file) in files.iter().enumerate() {
            let its = name_of(modules, file);
            if options.show_depends || !modules::is_loaded(&its) {
                let own = if at + 1 == files.len() { parameters.as_str() } else { "" };
                say(&format!("insmod {}{own}", file.display()))?;
            }
        }
    }
    Ok(())
}

/// The module first, then what it needed as far as nobody else needs it.
fn remove(modules: &Modules, name: &str, options: &Options) -> Result<()> {
    if modules.is_builtin(name) {
        return Err(Error::new(format!("remove {name}: it is built into the kernel")));
    }
    if !modules::is_loaded(name) {
        return if options.first_time { Err(Error::new(format!("remove {name}: it is not loaded"))) } else { Ok(()) };
    }
    let needed: Vec<String> = modules.files(name).iter().rev().skip(1).map(|path| name_of(modules, path)).collect();
    take_out(name, options)?;
    for other in needed {
        // One that is in use by others stays: that is what use counts are for.
        let _ = take_out(&other, options);
    }
    Ok(())
}

fn name_of(modules: &Modules, file: &std::path::Path) -> String {
    modules.all().find(|(_, path)| path == file).map(|(name, _)| name.to_owned()).unwrap_or_default()
}

fn take_out(name: &str, options: &Options) -> Result<()> {
    if options.verbose {
        say(&format!("rmmod {name}"))?;
    }
    if options.dry_run {
        return Ok(());
    }
    let text = CString::new(name).doing("read the name")?;
    match sys::module::remove(&text) {
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(Error::new(format!("remove {name}: it is in use"))),
        other => other.on("remove", name),
    }
}

fn say(text: &str) -> Result<()> {
    let mut out = out();
    writeln!(out, "{text}").and_then(|()| out.flush()).doing("write standard output")
}
