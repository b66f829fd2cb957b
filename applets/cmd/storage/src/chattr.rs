//! `chattr [-R] [-V] [-f] [-v VERSION] [+-=LETTERS] FILE...` changes the attributes of files: `+` adds, `-` takes away, `=` sets exactly these.
//!
//! Letters: `a` append only, `A` no access times, `c` compressed, `C` no copy on write, `d` no dump, `D` synchronous directory, `i` immutable,
//! `j` journaled data, `m` no compression, `P` project hierarchy, `s`, `S` synchronous, `t` no tail merging, `T` top of hierarchies,
//! `u`, `x` direct access, `F` case folding.
//!
//! Example: `chattr +i /etc/resolv.conf`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use kit::{Applet, Context, Error, Exit, Place, Result};

use crate::attributes;

/// Change attributes of files.
pub const CHATTR: Applet = Applet { name: "chattr", about: "change the attributes of files", place: Place::Bin, run };

const USAGE: &str = "usage: chattr [-RVf] [-v VERSION] [-+=aAcCdDijmPsStTuxF] FILE...";
/// Letters that a user may change.
const CHANGEABLE: &str = "aAcCdDijmPsStTuxF";

/// Work to do.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    add: u32,
    remove: u32,
    exact: Option<u32>,
    version: Option<u32>,
    is_recursive: bool,
    tells: bool,
    is_quiet: bool,
    files: Vec<PathBuf>,
}

fn run(args: &[OsString]) -> Result<Exit> {
    if args.iter().any(|arg| arg == "--help") {
        return Err(Error::text(format!("{}\n\n{USAGE}\n", CHATTR.about)));
    }
    if args.iter().any(|arg| arg == "--version") {
        return Err(Error::text(format!("chattr {}\n", kit::version_number())));
    }
    let change = read(&args[1..]).map_err(|e| e.with_exit(Exit::FAILED))?;
    let mut exit = Exit::OK;
    for file in &change.files {
        apply(&change, file, &mut exit);
    }
    Ok(exit)
}

fn bits(letters: &str) -> Result<u32> {
    let bit = |letter: char| match letter {
        'm' => Some(0x400),
        letter => attributes::bit(letter).filter(|_| CHANGEABLE.contains(letter)),
    };
    letters.chars().try_fold(0, |bits, letter| {
        let bit = bit(letter).ok_or_else(|| Error::usage(format!("{letter:?} is no attribute that can be changed\n{USAGE}")))?;
        Ok(bits | bit)
    })
}

fn read(args: &[OsString]) -> Result<Change> {
    let mut change = Change::default();
    let mut any = false;
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        if !change.files.is_empty() || !text.starts_with(['-', '+', '=']) {
            change.files.push(word.into());
            continue;
        }
        match text {
            "--" => change.files.extend(words.by_ref().map(PathBuf::from)),
            "-R" => change.is_recursive = true,
            "-V" => change.tells = true,
            "-f" => change.is_quiet = true,
            "-v" => {
                let number = words.next().and_then(|word| word.to_str()?.parse().ok());
                change.version = Some(number.ok_or_else(|| Error::usage("-v wants a number"))?);
                any = true;
            }
            text => {
                any = true;
                let (sign, mut letters) = text.split_at(1);
                let mut rest = String::new();
                if sign == "-" {
                    // `-R` and its like may stand among the letters.
                    for letter in letters.chars() {
                        match letter {
                            'R' => change.is_recursive = true,
                            'V' => change.tells = true,
                            'f' => change.is_quiet = true,
                            other => rest.push(other),
                        }
                    }
                    letters = &rest;
                }
                let bits = bits(letters)?;
                match sign {
                    "+" => change.add |= bits,
                    "-" => change.remove |= bits,
                    _ => change.exact = Some(change.exact.unwrap_or_default() | bits),
                }
            }
        }
    }
    if change.files.is_empty() || !any {
        return Err(Error::usage(format!("must use '-v', =, - or +\n{USAGE}")));
    }
    if change.exact.is_some() && (change.add | change.remove) != 0 {
        return Err(Error::usage("= is incompatible with - and +"));
    }
    if change.add & change.remove != 0 {
        return Err(Error::usage("can't both set and unset same flag"));
    }
    Ok(change)
}

fn apply(change: &Change, path: &Path, exit: &mut Exit) {
    if let Err(e) = one(change, path) {
        *exit = Exit::FAILED;
        if !change.is_quiet {
            kit::warn("chattr", &e);
        }
    }
    let is_dir = fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    if change.is_recursive && is_dir {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_dir()) {
                apply(change, &entry.path(), exit);
            }
        }
    }
}

fn one(change: &Change, path: &Path) -> Result<()> {
    let file = attributes::open(path)?;
    let old = attributes::flags(&file, path)?;
    let changeable = bits(CHANGEABLE)?;
    let new = match change.exact {
        Some(exact) => old & !changeable | exact,
        None => old & !change.remove | change.add,
    };
    if change.tells {
        kit::print(&format!("Flags of {} set as {}\n", path.display(), attributes::letters(new)))?;
    }
    attributes::set_flags(&file, path, new)?;
    match change.version {
        Some(version) => sys::block::set_version(&file, version).on("set the version of", path),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn letters_of_a_change() {
        let words = |words: &[&str]| read(&words.iter().map(OsString::from).collect::<Vec<_>>());
        let change = words(&["-R", "+i", "-d", "a"]).unwrap();
        assert_eq!((change.add, change.remove, change.is_recursive), (0x10, 0x40, true));
        assert_eq!(words(&["=A", "a"]).unwrap().exact, Some(0x80));
        assert!(words(&["+i"]).is_err());
        assert!(words(&["+i", "-i", "a"]).is_err());
        assert!(words(&["=i", "-a", "a"]).is_err());
        assert!(words(&["+E", "a"]).is_err());
        assert!(words(&["a"]).is_err());
    }
}
