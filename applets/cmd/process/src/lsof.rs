//! `lsof [OPTION]... [FILE]...` lists open files: of all processes, of some, or those processes that have a file open.
//!
//! `-p PIDS`, `-u USERS`, `-c NAME` (a prefix; all three with commas, `^` before a word excludes), `-d FDS` (`cwd`, `txt`, `0-2`, `^mem`),
//! `-i [4|6][tcp|udp][@ADDRESS][:PORTS]` choose; any of them suffices unless `-a` wants all. `-U` Unix sockets, `+D DIR` all below a
//! directory, `+d DIR` all in it, `+L1` files without a name. `-t` gives process numbers alone, `-F FIELDS` one field a line (`pcufn`),
//! `-l` numbers of users, `-R` parents. Addresses and ports are numbers always, with `-n` and `-P` or without. A FILE that is a mount
//! point stands for all of its file system. Exit status 1 if nothing is found.
//!
//! Example: `lsof -i :6443`, `lsof +D /var/log`, `lsof -t /dev/ttyS0`.

mod choice;
mod found;
mod print;

use std::ffi::OsString;

use kit::{Applet, Error, Exit, Place, Result};

use crate::open_files;
use crate::process;
use crate::sockets::Sockets;
use choice::Choice;
use found::{Found, Row};

/// Open files.
pub const LSOF: Applet = Applet { name: "lsof", about: "list open files and who has them", place: Place::Bin, run };

fn run(args: &[OsString]) -> Result<Exit> {
    let words: Vec<String> = args.iter().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    if words.iter().any(|word| word == "--help" || word == "-h" || word == "-?") {
        return Err(Error::text(format!("{}\n\n{}\n", LSOF.about, choice::USAGE)));
    }
    if words.iter().any(|word| word == "--version" || word == "-v") {
        return Err(Error::text(format!("lsof {}\n", kit::version_number())));
    }
    let choice = Choice::read(&words).map_err(|e| e.with_exit(Exit::FAILED))?;
    let mut sockets = Sockets::default();
    let mut found = Vec::new();
    for process in process::all() {
        if process.pid == std::process::id() || !choice.may_have(&process) {
            continue;
        }
        let table = sockets.of(process.pid);
        let rows = open_files::of(process.pid).into_iter().map(|file| {
            let socket = file.socket().and_then(|inode| table.get(&inode)).cloned();
            Row { file, socket }
        });
        let rows: Vec<_> = rows.filter(|row| choice.has(&process, &row.file, row.socket.as_ref())).collect();
        if !rows.is_empty() {
            found.push(Found { process, rows });
        }
    }
    print::all(&choice, &found)?;
    // A name that nobody has open is a failure, as for the scripts that wait until a disk is free.
    Ok(if found.is_empty() { Exit::FAILED } else { Exit::OK })
}
