//! `cd`, `pwd`, `pushd`, `popd`, `dirs`.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::Call;
use crate::ast::Bytes;
use crate::shell::{Done, Shell, cause, shown};

/// `cd [-LP] [DIRECTORY]`
pub fn cd(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"LPe@") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let operands = call.args().get(options.words..).unwrap_or_default();
    if operands.len() > 1 && shell.bash {
        shell.complain(Some(b"cd"), "too many arguments");
        return Ok(1);
    }
    let last = options.found.iter().rev().find(|(letter, _)| *letter == b'L' || *letter == b'P');
    let physical = last.map_or(shell.set.physical, |(letter, _)| *letter == b'P');
    let mut show = false;
    let target = match operands.first().map(Vec::as_slice) {
        None => {
            if let Some(home) = shell.var(b"HOME") {
                home
            } else {
                shell.complain(Some(b"cd"), "HOME not set");
                return Ok(1);
            }
        }
        Some(b"-") => {
            if let Some(old) = shell.var(b"OLDPWD") {
                show = true;
                old
            } else {
                shell.complain(Some(b"cd"), "OLDPWD not set");
                return Ok(1);
            }
        }
        Some(target) => target.to_vec(),
    };
    let (target, found) = by_cdpath(shell, target);
    show |= found;
    let status = change(shell, b"cd", &target, physical)?;
    if status == 0 && show {
        let here = shell.var(b"PWD").unwrap_or_default();
        return Ok(shell.print(b"cd", &[here.as_slice(), b"\n"].concat()));
    }
    Ok(status)
}

/// Directory that CDPATH leads to, and if it came from there.
fn by_cdpath(shell: &mut Shell, target: Bytes) -> (Bytes, bool) {
    let relative = !target.starts_with(b"/")
        && !matches!(target.as_slice(), b"." | b"..")
        && !target.starts_with(b"./")
        && !target.starts_with(b"../");
    let Some(path) = shell.var(b"CDPATH").filter(|_| relative && !target.is_empty()) else {
        return (target, false);
    };
    for directory in path.split(|byte| *byte == b':') {
        let whole = match directory {
            b"" => target.clone(),
            _ => [directory, b"/", &target].concat(),
        };
        if fs::metadata(OsStr::from_bytes(&whole)).is_ok_and(|found| found.is_dir()) {
            return (whole, !directory.is_empty());
        }
    }
    (target, false)
}

/// Goes to a directory and sets PWD and OLDPWD.
fn change(shell: &mut Shell, name: &[u8], target: &[u8], physical: bool) -> Done {
    let here = shell.var(b"PWD").unwrap_or_default();
    let logical = if target.starts_with(b"/") { target.to_vec() } else { [here.as_slice(), b"/", target].concat() };
    let logical = cleaned(&logical);
    let to: &[u8] = if physical || target.is_empty() { target } else { &logical };
    let gone = rustix::process::chdir(OsStr::from_bytes(to));
    // From a directory that was moved the logical way may lead nowhere.
    let gone = gone.or_else(|_| rustix::process::chdir(OsStr::from_bytes(target)));
    if let Err(e) = gone.or_else(|e| if target.is_empty() { Ok(()) } else { Err(e) }) {
        let e = std::io::Error::from(e);
        let text = if shell.bash {
            format!("{}: {}", shown(target), cause(&e))
        } else {
            format!("can't cd to {}: {}", shown(target), cause(&e))
        };
        shell.complain(Some(name), text);
        return Ok(1);
    }
    let now = if physical { current() } else { Some(logical.clone()) };
    shell.set_var(b"OLDPWD", here)?;
    shell.set_var(b"PWD", now.unwrap_or(logical))?;
    Ok(0)
}

/// The working directory as the kernel names it.
pub fn current() -> Option<Bytes> {
    std::env::current_dir().ok().map(|path| path.into_os_string().into_vec())
}

/// A path without `.`, `..` and doubled slashes.
pub fn cleaned(path: &[u8]) -> Bytes {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    [b"/", parts.join(b"/".as_slice()).as_slice()].concat()
}

/// `pwd [-LP]`
pub fn pwd(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"LP") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let last = options.found.last().map(|(letter, _)| *letter);
    let physical = last.map_or(shell.set.physical, |letter| letter == b'P');
    let logical = shell.var(b"PWD").filter(|pwd| !physical && is_here(pwd));
    let Some(path) = logical.or_else(current) else {
        shell.complain(Some(b"pwd"), "the working directory is gone");
        return Ok(1);
    };
    Ok(shell.print(b"pwd", &[path.as_slice(), b"\n"].concat()))
}

/// True when a path is that of the working directory.
pub fn is_here(path: &[u8]) -> bool {
    use std::os::unix::fs::MetadataExt;
    if !path.starts_with(b"/") {
        return false;
    }
    match (fs::metadata(OsStr::from_bytes(path)), fs::metadata(".")) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        // A directory that is gone is still the one that PWD names.
        (Err(_), _) => current().is_none(),
        _ => false,
    }
}

/// Place in the stack that `+N` or `-N` names.
fn place(shell: &Shell, word: &[u8]) -> Option<usize> {
    let count = shell.dirs.len() + 1;
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<usize>().ok();
    let at = match word.split_first()? {
        (b'+', digits) => number(digits)?,
        (b'-', digits) => (count - 1).checked_sub(number(digits)?)?,
        _ => return None,
    };
    (at < count).then_some(at)
}

fn stack(shell: &mut Shell) -> Vec<Bytes> {
    let here = shell.var(b"PWD").unwrap_or_default();
    std::iter::once(here).chain(shell.dirs.iter().cloned()).collect()
}

/// `pushd [-n] [+N | -N | DIRECTORY]`
pub fn pushd(shell: &mut Shell, call: &Call) -> Done {
    let mut all = stack(shell);
    match call.args().first() {
        None if all.len() < 2 => {
            shell.complain(Some(b"pushd"), "no other directory");
            return Ok(1);
        }
        None => all.swap(0, 1),
        Some(word) => match place(shell, word) {
            Some(at) => all.rotate_left(at),
            None if word.starts_with(b"+") || word.starts_with(b"-") && word.len() > 1 => {
                shell.complain(Some(b"pushd"), format!("{}: directory stack index out of range", shown(word)));
                return Ok(1);
            }
            None => all.insert(0, word.clone()),
        },
    }
    go(shell, b"pushd", all)
}

/// `popd [+N | -N]`
pub fn popd(shell: &mut Shell, call: &Call) -> Done {
    let mut all = stack(shell);
    let at = match call.args().first() {
        None => Some(0),
        Some(word) => place(shell, word),
    };
    let Some(at) = at.filter(|at| all.len() > 1 && *at < all.len()) else {
        shell.complain(Some(b"popd"), "directory stack empty");
        return Ok(1);
    };
    all.remove(at);
    if at > 0 {
        shell.dirs = all.split_off(1);
        return show(shell, false, b"popd");
    }
    go(shell, b"popd", all)
}

fn go(shell: &mut Shell, name: &[u8], mut all: Vec<Bytes>) -> Done {
    let first = all.remove(0);
    let status = change(shell, name, &first, shell.set.physical)?;
    if status == 0 {
        shell.dirs = all;
        return show(shell, false, name);
    }
    Ok(status)
}

/// `dirs [-clpv]`
pub fn dirs(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"clpv") {
        Ok(options) => options,
        Err(done) => return done,
    };
    if options.has(b'c') {
        shell.dirs.clear();
        return Ok(0);
    }
    if options.has(b'v') {
        let lines = stack(shell).into_iter().enumerate();
        let text: Vec<Bytes> = lines.map(|(number, path)| [format!("{number:2}  ").as_bytes(), &path, b"\n"].concat()).collect();
        return Ok(shell.print(b"dirs", &text.concat()));
    }
    if options.has(b'p') {
        let mut text = stack(shell).join(b"\n".as_slice());
        text.push(b'\n');
        return Ok(shell.print(b"dirs", &text));
    }
    show(shell, options.has(b'l'), b"dirs")
}

fn show(shell: &mut Shell, long: bool, name: &[u8]) -> Done {
    let home = shell.var(b"HOME").filter(|home| !long && home.len() > 1);
    let short = |path: Bytes| match home.as_ref().and_then(|home| path.strip_prefix(home.as_slice())) {
        Some(rest) if rest.is_empty() || rest.starts_with(b"/") => [b"~", rest].concat(),
        _ => path,
    };
    let all: Vec<Bytes> = stack(shell).into_iter().map(short).collect();
    let mut text = all.join(b" ".as_slice());
    text.push(b'\n');
    Ok(shell.print(name, &text))
}
