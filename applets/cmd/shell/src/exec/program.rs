//! Programs: where they are found, and how the shell becomes one.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::{fs, io};

use sys::disposition;

use super::fork::Place;
use crate::ast::{Bytes, Redirect, Simple};
use crate::builtins::Call;
use crate::redirect::{Failed, Saved};
use crate::shell::{Done, Flow, Shell, cause, shown};

/// Directories of programs where PATH is not set.
pub const USUAL_PATH: &[u8] = b"/bin:/sbin:/usr/bin:/usr/sbin";
/// Status of a program that is there and can't be executed.
pub const NOT_RUN: i32 = 126;
/// Status of a program that is not there.
pub const NOT_FOUND: i32 = 127;

impl Shell {
    /// Runs a program and waits for it, or becomes it when the shell ends with it anyway.
    pub(super) fn call_program(&mut self, simple: &Simple, redirects: &[Redirect], call: &Call, last: bool, text: &[u8]) -> Done {
        let scoped = !simple.assigns.is_empty();
        if scoped {
            self.vars.push_scope();
            if let Err(flow) = self.assign_for_call(&simple.assigns) {
                self.end_scope();
                return Err(flow);
            }
        }
        let done = self.run_program(redirects, call, last, text);
        if scoped {
            self.end_scope();
        }
        done
    }

    fn run_program(&mut self, redirects: &[Redirect], call: &Call, last: bool, text: &[u8]) -> Done {
        if !call.words[0].contains(&b'/') {
            self.remember_program(&call.words[0]);
        }
        if last && !self.has_traps() && self.terminal.is_none() {
            return self.program_in_child(redirects, call);
        }
        let place = Place { group: self.terminal.map(|_| 0), foreground: true };
        // Other shells than bash redirect before they fork: what a redirection assigns stays.
        let mut saved = Saved::default();
        let mut in_child = redirects;
        if !self.bash && !redirects.is_empty() {
            let redirected = self.redirect(redirects, Some(&mut saved));
            in_child = &[];
            if let Err(failed) = redirected {
                saved.restore();
                return match failed {
                    Failed::Said => Ok(1),
                    Failed::Out(flow) => Err(flow),
                };
            }
        }
        let done = self.wait_for_program(place, in_child, call, text);
        saved.restore();
        done
    }

    fn wait_for_program(&mut self, place: Place, redirects: &[Redirect], call: &Call, text: &[u8]) -> Done {
        let pid = self.fork_at(place, |shell| shell.program_in_child(redirects, call))?;
        let group = self.terminal.map(|_| pid);
        let status = self.wait_foreground(&[pid], group, text).pop().unwrap_or(0);
        if status == 130 && self.interactive {
            self.status = status;
            return Err(Flow::Interrupt);
        }
        Ok(status)
    }

    /// Runs a program whose redirections and variables are made: `command`.
    pub fn run_only_program(&mut self, call: &Call) -> Done {
        self.run_program(&[], call, call.last && self.subshell > 0, &call.words.join(b" ".as_slice()))
    }

    fn program_in_child(&mut self, redirects: &[Redirect], call: &Call) -> Done {
        match self.redirect(redirects, None) {
            Ok(()) => {}
            Err(Failed::Said) => return Err(Flow::Exit(1)),
            Err(Failed::Out(flow)) => return Err(flow),
        }
        let status = self.become_program(&call.words, None, None);
        Err(Flow::Exit(status))
    }

    /// Becomes a program. It returns the status only when that is not possible, which is said.
    pub fn become_program(&mut self, words: &[Bytes], zero: Option<&[u8]>, by: Option<&[u8]>) -> i32 {
        let name = words[0].as_slice();
        let Some(path) = self.program_path(name) else {
            if name.contains(&b'/') || !name.is_empty() {
                return self.not_found(name, by);
            }
            self.complain_program(by, name, "Permission denied");
            return NOT_FOUND;
        };
        let environment = self.child_environment(&path);
        let e = execute(&path, zero.unwrap_or(name), &words[1..], &environment);
        match e.raw_os_error() {
            Some(ENOEXEC) if is_text(&path) => self.become_script(&path, words, &environment),
            Some(ENOEXEC) => {
                self.complain_program(by, name, "Exec format error");
                NOT_RUN
            }
            Some(ENOENT | ENOTDIR) if fs::symlink_metadata(OsStr::from_bytes(&path)).is_ok() => {
                self.complain_program(by, name, "not found");
                NOT_FOUND
            }
            Some(ENOENT | ENOTDIR) => self.not_found(name, by),
            _ => {
                self.complain_program(by, name, &cause(&e));
                NOT_RUN
            }
        }
    }

    fn not_found(&self, name: &[u8], by: Option<&[u8]>) -> i32 {
        let text = match (self.bash, name.contains(&b'/')) {
            (true, true) => "No such file or directory",
            (true, false) => "command not found",
            (false, _) => "not found",
        };
        self.complain_program(by, name, text);
        NOT_FOUND
    }

    fn complain_program(&self, by: Option<&[u8]>, name: &[u8], text: &str) {
        self.complain(by, format!("{}: {text}", shown(name)));
    }

    /// Environment of a program; `_` is its path in bash.
    fn child_environment(&self, path: &[u8]) -> Vec<Bytes> {
        let mut all = self.vars.environment();
        all.retain(|entry| !entry.starts_with(b"_="));
        if self.bash {
            all.push([b"_=", path].concat());
        }
        for (name, defined) in self.functions.iter().filter(|(_, defined)| defined.export) {
            let body = defined.function.text.clone();
            let at = body.windows(2).position(|pair| pair == b"()").unwrap_or(0);
            let body = body.get(at..).unwrap_or_default();
            all.push([b"BASH_FUNC_", name.as_slice(), b"%%=", body].concat());
        }
        all
    }

    /// Path of a program: the name itself where it has a slash, else by PATH.
    pub fn program_path(&self, name: &[u8]) -> Option<Bytes> {
        if name.contains(&b'/') {
            return Some(name.to_vec());
        }
        if name.is_empty() {
            return None;
        }
        if let Some((path, _)) = self.hash.get(name)
            && (executable(path) || !self.set.hashall)
        {
            return Some(path.clone());
        }
        self.in_path(name, None)
    }

    /// Program of a name in the directories of PATH, or of another list.
    pub fn in_path(&self, name: &[u8], path: Option<&[u8]>) -> Option<Bytes> {
        let usual = || self.vars.text(b"PATH").map(Vec::as_slice);
        let path = path.or_else(usual).unwrap_or_default();
        let mut unusable = None;
        for directory in path.split(|byte| *byte == b':') {
            let whole = match directory {
                b"" => name.to_vec(),
                _ => [directory, b"/", name].concat(),
            };
            let whole = if whole.contains(&b'/') { whole } else { [b"./", whole.as_slice()].concat() };
            if executable(&whole) {
                return Some(whole);
            }
            if unusable.is_none() && is_file(&whole) {
                unusable = Some(whole);
            }
        }
        unusable
    }

    /// Remembers where a program is, for the next call.
    pub fn remember_program(&mut self, name: &[u8]) {
        if let Some((_, hits)) = self.hash.get_mut(name) {
            *hits += 1;
            return;
        }
        let Some(path) = self.in_path(name, None).filter(|_| self.set.hashall) else { return };
        // A place that PATH names from here is not there after the next cd.
        if path.starts_with(b"/") {
            self.hash.insert(name.to_vec(), (path, 1));
        }
    }

    /// Runs a file without `#!` as a script of a new shell.
    fn become_script(&mut self, path: &[u8], words: &[Bytes], environment: &[Bytes]) -> i32 {
        let own = b"/proc/self/exe";
        let zero: &[u8] = if self.bash { b"bash" } else { b"sh" };
        let args = [&[path.to_vec()], words.get(1..).unwrap_or_default()].concat();
        let args = [&[b"--".to_vec()], args.as_slice()].concat();
        let e = execute(own, zero, &args, environment);
        self.complain_program(None, path, &cause(&e));
        NOT_RUN
    }
}

const ENOENT: i32 = 2;
const ENOEXEC: i32 = 8;
const ENOTDIR: i32 = 20;

/// Becomes a program; returns the reason why not.
fn execute(path: &[u8], zero: &[u8], args: &[Bytes], environment: &[Bytes]) -> io::Error {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from);
    let all = (|| {
        let path = text(path)?;
        let args = std::iter::once(zero).chain(args.iter().map(Vec::as_slice));
        let args = args.map(text).collect::<io::Result<Vec<_>>>()?;
        let environment = environment.iter().map(|entry| text(entry)).collect::<io::Result<Vec<_>>>()?;
        Ok((path, args, environment))
    })();
    match all {
        Ok((path, args, environment)) => {
            disposition::release_all();
            match nix::unistd::execve(&path, &args, &environment) {
                Ok(never) => match never {},
                Err(e) => io::Error::from(e),
            }
        }
        Err(e) => e,
    }
}

fn is_file(path: &[u8]) -> bool {
    fs::metadata(OsStr::from_bytes(path)).is_ok_and(|found| found.is_file())
}

/// True for a file that may be executed.
pub fn executable(path: &[u8]) -> bool {
    let Ok(found) = fs::metadata(OsStr::from_bytes(path)) else { return false };
    found.is_file()
        && found.mode() & 0o111 != 0
        && rustix::fs::access(OsStr::from_bytes(path), rustix::fs::Access::EXEC_OK).is_ok()
}

/// True when the first line of a file has no zero byte: else it is no script.
fn is_text(path: &[u8]) -> bool {
    use std::io::Read;
    let mut head = [0; 128];
    let read = fs::File::open(OsStr::from_bytes(path)).and_then(|mut file| file.read(&mut head));
    let head = head.get(..read.unwrap_or(0)).unwrap_or_default();
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    !line.contains(&0)
}
