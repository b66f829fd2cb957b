//! Begin of a shell: the environment, and the files that are read first.

use std::os::unix::ffi::OsStringExt;

use crate::ast::Bytes;
use crate::exec::program::USUAL_PATH;
use crate::parse::is_name;
use crate::shell::{Defined, Flow, Shell};
use crate::vars::Var;

/// Directory, then `#` for root or `$`.
const PROMPT: &[u8] = b"\\w \\$ ";
/// Version of bash whose language this is, for scripts that ask.
const VERSION: [&[u8]; 6] = [b"5", b"2", b"15", b"1", b"release", b"linux-musl"];

/// Takes the variables of the environment, and sets those that a shell must have.
pub fn environment(shell: &mut Shell) {
    for (name, value) in std::env::vars_os() {
        let (name, value) = (name.into_vec(), value.into_vec());
        if is_name(&name) {
            let var = Var { export: true, ..Var::text(value) };
            shell.vars.put(&name, var);
        } else if shell.bash {
            function(shell, &name, &value);
        }
    }
    shell.last_arg = shell.name.clone();
    shell.vars.remove(b"_");
    shell.vars.put(b"IFS", Var::text(b" \t\n".as_slice()));
    shell.vars.put(b"OPTIND", Var::text(b"1".as_slice()));
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    shell.vars.put(b"PPID", Var::text(parent.to_string()));
    directory(shell);
    missing(shell);
    if shell.bash {
        of_bash(shell);
    }
}

/// A function of the environment: `BASH_FUNC_name%%=() {…`.
fn function(shell: &mut Shell, name: &[u8], value: &[u8]) {
    let name = name.strip_prefix(b"BASH_FUNC_").and_then(|name| name.strip_suffix(b"%%"));
    let Some(name) = name.filter(|_| value.starts_with(b"()")) else { return };
    let text = [name, value].concat();
    let settings = std::rc::Rc::clone(&shell.settings);
    let mut parser = crate::parse::Parser::of_text(&text, &settings, 1);
    let Ok(Some(items)) = parser.next_command() else { return };
    let [item] = items.as_slice() else { return };
    let [command] = item.first.commands.as_slice() else { return };
    // Only a definition is taken: what stands behind it is not run.
    if let (crate::ast::Kind::Function(name, function), true) = (&command.kind, item.rest.is_empty()) {
        let function = std::rc::Rc::clone(function);
        let defined = Defined { function, source: b"environment".to_vec(), export: true, readonly: false };
        shell.functions.insert(name.clone(), defined);
    }
}

/// PWD, which must name the working directory.
fn directory(shell: &mut Shell) {
    use crate::builtins::directory::{cleaned, current, is_here};
    let known = shell.vars.text(b"PWD").filter(|pwd| is_here(pwd) && cleaned(pwd) == **pwd).cloned();
    let here = known.or_else(current);
    if let Some(here) = here {
        let exported = shell.vars.get(b"PWD").is_some_and(|var| var.export);
        let var = Var { export: exported || shell.bash, ..Var::text(here) };
        shell.vars.put(b"PWD", var);
    }
}

/// Sets what a shell needs and its caller did not say: PID 1 starts it with next to nothing.
fn missing(shell: &mut Shell) {
    let mut wanted: Vec<(&[u8], &[u8], bool)> = vec![(b"PATH", USUAL_PATH, true), (b"PS4", b"+ ", false)];
    if shell.interactive {
        wanted.push((b"PS1", PROMPT, false));
        wanted.push((b"PS2", b"> ", false));
        if rustix::process::geteuid().is_root() {
            wanted.push((b"HOME", b"/root", true));
        }
    } else if !shell.bash {
        wanted.push((b"PS1", b"$ ", false));
        wanted.push((b"PS2", b"> ", false));
    }
    for (name, value, export) in wanted {
        if shell.vars.get(name).is_none() {
            shell.vars.put(name, Var { export, ..Var::text(value) });
        }
    }
}

fn of_bash(shell: &mut Shell) {
    let version = VERSION.map(<[u8]>::to_vec);
    let text = [&version[0], b".".as_slice(), &version[1], b".", &version[2], b"(1)-release"].concat();
    shell.vars.put(b"BASH_VERSION", Var::text(text));
    let list = (0_i64..).zip(version).collect();
    shell.vars.put(b"BASH_VERSINFO", Var { value: crate::vars::Value::List(list), ..Var::default() });
    let name = shell.name.clone();
    shell.vars.put(b"BASH", Var::text(name));
    let ids = [(b"UID".as_slice(), rustix::process::getuid().as_raw()), (b"EUID", rustix::process::geteuid().as_raw())];
    for (name, id) in ids {
        shell.vars.put(name, Var { readonly: true, ..Var::text(id.to_string()) });
    }
    let level = shell.vars.text(b"SHLVL").and_then(|text| crate::arith::decimal(text)).unwrap_or(0);
    shell.vars.put(b"SHLVL", Var { export: true, ..Var::text((level + 1).to_string()) });
    shell.vars.put(b"HOSTNAME", Var::text(crate::editor::prompt::host()));
    shell.vars.put(b"OSTYPE", Var::text(b"linux-musl".as_slice()));
    shell.vars.put(b"HOSTTYPE", Var::text(std::env::consts::ARCH));
    shell.vars.put(b"MACHTYPE", Var::text(format!("{}-pc-linux-musl", std::env::consts::ARCH)));
    shell.vars.put(b"OPTERR", Var::text(b"1".as_slice()));
}

/// Reads the files of a login, of a conversation, or that `BASH_ENV` names.
///
/// # Errors
/// Ways out that a file takes.
pub fn files(shell: &mut Shell, no_profile: bool, no_rc: bool, rc_file: Option<Bytes>) -> Result<(), Flow> {
    let home = shell.vars.text(b"HOME").cloned().unwrap_or_default();
    let at_home = |name: &[u8]| [home.as_slice(), b"/", name].concat();
    if shell.login && !no_profile {
        read(shell, b"/etc/profile")?;
        let names: &[&[u8]] = if shell.bash { &[b".bash_profile", b".bash_login", b".profile"] } else { &[b".profile"] };
        for name in names {
            if read(shell, &at_home(name))? {
                break;
            }
        }
    }
    if shell.interactive && !no_rc && (!shell.login || !shell.bash) {
        if !shell.bash {
            return named(shell, b"ENV");
        }
        if let Some(file) = rc_file {
            read(shell, &file)?
        } else {
            read(shell, b"/etc/bash.bashrc")?;
            read(shell, &at_home(b".bashrc"))?
        };
    } else if shell.bash && !shell.interactive {
        return named(shell, b"BASH_ENV");
    }
    Ok(())
}

/// Reads the file that a variable names.
fn named(shell: &mut Shell, variable: &[u8]) -> Result<(), Flow> {
    let Some(text) = shell.vars.text(variable).filter(|text| !text.is_empty()).cloned() else {
        return Ok(());
    };
    let path = shell.expand_prompt(&text)?;
    read(shell, &path).map(drop)
}

/// Reads a file, if it is there.
fn read(shell: &mut Shell, path: &[u8]) -> Result<bool, Flow> {
    use std::os::unix::ffi::OsStrExt;
    if !std::fs::metadata(std::ffi::OsStr::from_bytes(path)).is_ok_and(|found| found.is_file()) {
        return Ok(false);
    }
    match shell.source(path, path, None) {
        Err(flow @ Flow::Exit(_)) => Err(flow),
        _ => Ok(true),
    }
}
