//! `modinfo [-F FIELD] MODULE or FILE...` shows what kernel modules say of themselves.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use kit::modules::Modules;
use kit::{Applet, Context, Error, Exit, Place, Result, out, parse};

use crate::module_file;

/// A module's own words.
pub const MODINFO: Applet =
    Applet { name: "modinfo", about: "show what a kernel module says of itself", place: Place::Sbin, run };

#[derive(Parser)]
struct Options {
    /// Only this field, without its name; `filename` is one.
    #[arg(short = 'F', long)]
    field: Option<String>,
    /// The author.
    #[arg(short, long)]
    author: bool,
    /// The description.
    #[arg(short, long)]
    description: bool,
    /// The licence.
    #[arg(short, long)]
    license: bool,
    /// The parameters.
    #[arg(short, long)]
    parameters: bool,
    /// The file's name.
    #[arg(short = 'n', long)]
    filename: bool,
    /// Modules or files.
    #[arg(required = true)]
    modules: Vec<String>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&MODINFO, args)?;
    let only = only(&options);
    let mut out = out();
    for name in &options.modules {
        let path = find(name)?;
        let mut fields = vec![("filename".to_owned(), path.display().to_string())];
        if only != Some("filename") {
            fields.extend(module_file::fields(&path)?);
        }
        for (key, value) in fields {
            match only {
                None => writeln!(out, "{:<15} {value}", format!("{key}:")),
                Some(wanted) if wanted == key => writeln!(out, "{value}"),
                Some(_) => Ok(()),
            }
            .doing("write standard output")?;
        }
    }
    out.flush().doing("write standard output")?;
    Ok(Exit::OK)
}

fn only(options: &Options) -> Option<&str> {
    let short = [
        (options.author, "author"),
        (options.description, "description"),
        (options.license, "license"),
        (options.parameters, "parm"),
        (options.filename, "filename"),
    ];
    options.field.as_deref().or_else(|| short.iter().find_map(|(given, name)| given.then_some(*name)))
}

fn find(name: &str) -> Result<PathBuf> {
    if name.contains('/') || Path::new(name).is_file() {
        return Ok(name.into());
    }
    let modules = Modules::of_running_kernel()?;
    let found = modules.names(name).into_iter().next();
    let file = found.as_ref().and_then(|n| modules.all().find(|(its, _)| its == n).map(|(_, path)| path));
    match (file, found) {
        (Some(path), _) => Ok(path),
        (None, Some(builtin)) => Err(Error::new(format!("show {builtin}: it is built into the kernel and has no file"))),
        (None, None) => Err(Error::new(format!("find module {name}: there is none"))),
    }
}
