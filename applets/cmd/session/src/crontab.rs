//! `crontab [-u USER] [-l | -r | -e | FILE]` shows, removes, edits or sets a user's table of jobs.
//!
//! FILE `-`, and no word at all, is standard input. A table with a line that makes no sense is refused, and the old one stays. `-e` starts $VISUAL, $EDITOR or vi. Lines: minute,
//! hour, day, month, weekday, command; or @reboot, @hourly, @daily, @weekly, @monthly, @yearly.
//!
//! Example: `echo '*/5 * * * * sync' | crontab -`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use kit::fs::{Form, replace};
use kit::{Applet, Context, Error, Exit, Place, Result, parse};

use crate::accounts::Account;
use crate::cron;
use crate::crond::TABLES;

/// Tables of jobs.
pub const CRONTAB: Applet = Applet { name: "crontab", about: "show or set a user's jobs", place: Place::Bin, run };

#[derive(Parser)]
struct Options {
    /// The user
    #[arg(short, value_name = "USER")]
    user: Option<String>,
    /// Directory of the tables
    #[arg(short = 'c', value_name = "DIR", default_value = TABLES)]
    tables: PathBuf,
    /// Show the table
    #[arg(short, group = "verb")]
    list: bool,
    /// Remove the table
    #[arg(short, group = "verb")]
    remove: bool,
    /// Edit the table
    #[arg(short, group = "verb")]
    edit: bool,
    /// New table
    #[arg(group = "verb")]
    file: Option<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = parse(&CRONTAB, args)?;
    let own = rustix::process::getuid().as_raw();
    let account = match &options.user {
        Some(name) => Account::named(name)?,
        None => Account::of(own)?,
    };
    if own != 0 && own != account.user {
        return Err(Error::new("only root has to do with the jobs of others"));
    }
    let table = options.tables.join(&account.name);
    if options.list {
        let text = read(&table)?.ok_or_else(|| Error::new(format!("no crontab for {}", account.name)))?;
        return kit::print(&text).map(|()| Exit::OK);
    }
    if options.remove {
        return match fs::remove_file(&table) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(Error::new(format!("no crontab for {}", account.name))),
            done => done.on("remove", &table).map(|()| Exit::OK),
        };
    }
    if options.edit {
        return edit(&options, &table);
    }
    let mut text = String::new();
    match options.file.as_deref() {
        None => std::io::stdin().lock().take(cron::MOST + 1).read_to_string(&mut text).doing("read standard input")?,
        Some(file) if file == Path::new("-") => {
            std::io::stdin().lock().take(cron::MOST + 1).read_to_string(&mut text).doing("read standard input")?
        }
        Some(file) => File::open(file).and_then(|file| file.take(cron::MOST + 1).read_to_string(&mut text)).on("read", file)?,
    };
    install(&options, &table, &text).map(|()| Exit::OK)
}

fn read(table: &Path) -> Result<Option<String>> {
    match fs::read_to_string(table) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        text => text.on("read", table).map(Some),
    }
}

fn install(options: &Options, table: &Path, text: &str) -> Result<()> {
    if text.len() as u64 > cron::MOST {
        return Err(Error::new("the table is too large"));
    }
    cron::read(text, false).map_err(|e| Error::new(format!("{e}; nothing is changed")))?;
    fs::create_dir_all(&options.tables).on("make", &options.tables)?;
    replace(table, text, Form { mode: 0o600, sync: true })
}

fn edit(options: &Options, table: &Path) -> Result<Exit> {
    let editor = std::env::var_os("VISUAL").or_else(|| std::env::var_os("EDITOR")).unwrap_or_else(|| "vi".into());
    let draft = PathBuf::from(format!("/tmp/crontab.{}", std::process::id()));
    let old = read(table)?.unwrap_or_default();
    let done = (|| {
        let mut file = std::os::unix::fs::OpenOptionsExt::mode(File::options().write(true).create_new(true), 0o600)
            .open(&draft)
            .on("make", &draft)?;
        std::io::Write::write_all(&mut file, old.as_bytes()).on("write", &draft)?;
        let status = Command::new("/bin/sh")
            .arg("-c")
            .arg("exec $0 \"$1\"")
            .arg(&editor)
            .arg(&draft)
            .status()
            .doing("start the editor")?;
        if !status.success() {
            return Err(Error::new("the editor failed; nothing is changed"));
        }
        let new = fs::read_to_string(&draft).on("read", &draft)?;
        if new == old {
            return kit::print("no changes made to crontab\n");
        }
        install(options, table, &new)
    })();
    // A draft that can't be removed does no harm.
    let _ = fs::remove_file(&draft);
    done.map(|()| Exit::OK)
}
