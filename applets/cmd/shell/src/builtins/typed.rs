//! `type`, `command`, `builtin`, `enable`, `help`: what names stand for.

use super::{ALL, Call, find};
use crate::ast::Bytes;
use crate::exec::program::{USUAL_PATH, executable};
use crate::shell::{Done, Shell, shown};

/// Words that the parser knows.
const RESERVED: &[&[u8]] = &[
    b"!",
    b"[[",
    b"]]",
    b"case",
    b"coproc",
    b"do",
    b"done",
    b"elif",
    b"else",
    b"esac",
    b"fi",
    b"for",
    b"function",
    b"if",
    b"in",
    b"select",
    b"then",
    b"time",
    b"until",
    b"while",
    b"{",
    b"}",
];

/// Meanings of a name.
enum Kind {
    Alias(Bytes),
    Reserved,
    Function(Bytes),
    Builtin(bool),
    File(Bytes),
}

fn kinds(shell: &Shell, name: &[u8], functions: bool, path: Option<&[u8]>) -> Vec<Kind> {
    let mut all = Vec::new();
    if let Some(value) = shell.settings.aliases.borrow().get(name) {
        all.push(Kind::Alias(value.clone()));
    }
    if RESERVED.contains(&name) {
        all.push(Kind::Reserved);
    }
    if let Some(defined) = shell.functions.get(name).filter(|_| functions) {
        all.push(Kind::Function(defined.function.text.clone()));
    }
    if let Some(builtin) = find(name).filter(|_| !shell.disabled.iter().any(|off| off == name)) {
        all.push(Kind::Builtin(builtin.special));
    }
    if name.contains(&b'/') {
        all.extend(executable(name).then(|| Kind::File(name.to_vec())));
    } else {
        let found = shell.in_path(name, path).filter(|path| executable(path));
        all.extend(found.map(Kind::File));
    }
    all
}

/// `type [-aftpP] NAME…`
pub fn type_of(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"aftpP") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let mut status = 0;
    let mut text = Bytes::new();
    for name in call.args().get(options.words..).unwrap_or_default() {
        let mut found = kinds(shell, name, !options.has(b'f'), None);
        if options.has(b'P') || options.has(b'p') && matches!(found.first(), Some(Kind::File(_))) {
            found.retain(|kind| matches!(kind, Kind::File(_)));
        } else if options.has(b'p') {
            continue;
        }
        if found.is_empty() {
            status = 1;
            if !options.has(b't') && !options.has(b'p') && !options.has(b'P') {
                let what = format!("{}: not found", shown(name));
                if shell.bash {
                    shell.complain(Some(b"type"), what);
                } else {
                    text.extend(format!("{what}\n").bytes());
                    status = 127;
                }
            }
            continue;
        }
        let most = if options.has(b'a') { found.len() } else { 1 };
        for kind in found.iter().take(most) {
            if options.has(b't') {
                text.extend_from_slice(word(kind));
                text.push(b'\n');
            } else if options.has(b'p') || options.has(b'P') {
                if let Kind::File(path) = kind {
                    text.extend([path.as_slice(), b"\n"].concat());
                }
            } else {
                text.extend(sentence(shell, name, kind));
            }
        }
    }
    Ok(shell.print(b"type", &text).max(status))
}

const fn word(kind: &Kind) -> &'static [u8] {
    match kind {
        Kind::Alias(_) => b"alias",
        Kind::Reserved => b"keyword",
        Kind::Function(_) => b"function",
        Kind::Builtin(_) => b"builtin",
        Kind::File(_) => b"file",
    }
}

fn sentence(shell: &Shell, name: &[u8], kind: &Kind) -> Bytes {
    let tail = match kind {
        Kind::Alias(value) if shell.bash => [b" is aliased to `", value.as_slice(), b"'"].concat(),
        Kind::Alias(value) => [b" is an alias for ", value.as_slice()].concat(),
        Kind::Reserved => b" is a shell keyword".to_vec(),
        Kind::Function(text) if shell.bash => [b" is a function\n", text.as_slice()].concat(),
        Kind::Function(_) => b" is a function".to_vec(),
        Kind::Builtin(true) if shell.posix() => b" is a special shell builtin".to_vec(),
        Kind::Builtin(_) => b" is a shell builtin".to_vec(),
        Kind::File(path) if shell.hash.contains_key(name) && shell.bash => [b" is hashed (", path.as_slice(), b")"].concat(),
        Kind::File(path) => [b" is ", path.as_slice()].concat(),
    };
    [name, &tail, b"\n"].concat()
}

/// `command [-pvV] NAME…`
pub fn command(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"pvV") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let words = call.args().get(options.words..).unwrap_or_default();
    let Some(name) = words.first() else { return Ok(0) };
    let path = options.has(b'p').then_some(USUAL_PATH);
    if options.has(b'v') || options.has(b'V') {
        let mut status = 0;
        let mut text = Bytes::new();
        for name in words {
            let Some(kind) = kinds(shell, name, true, path).into_iter().next() else {
                status = if shell.bash { 1 } else { 127 };
                let what = format!("{}: not found", shown(name));
                if options.has(b'V') && shell.bash {
                    shell.complain(Some(b"command"), what);
                } else if options.has(b'V') {
                    // A closed standard error loses the message.
                    let _ = sys::descriptor::write_all(2, format!("{what}\n").as_bytes());
                }
                continue;
            };
            text.extend(match kind {
                kind if options.has(b'V') => sentence(shell, name, &kind),
                Kind::Alias(value) => {
                    let value = crate::expand::escape::single(&value);
                    [b"alias ", name.as_slice(), b"=", &value, b"\n"].concat()
                }
                Kind::File(path) => [path.as_slice(), b"\n"].concat(),
                _ => [name.as_slice(), b"\n"].concat(),
            });
        }
        return Ok(shell.print(b"command", &text).max(status));
    }
    let inner = inner_call(call, options.words);
    if let Some(builtin) = find(name).filter(|_| !shell.disabled.iter().any(|off| off == name)) {
        // By way of `command` a special builtin's mistakes don't end the script.
        return match (builtin.run)(shell, &inner) {
            Err(crate::shell::Flow::Fail(status)) if !shell.interactive => Ok(status),
            other => other,
        };
    }
    let before = path.map(|path| (shell.vars.text(b"PATH").cloned(), path));
    if let Some((_, path)) = &before {
        shell.vars.set(b"PATH", *path);
        shell.hash.clear();
    }
    let done = shell.run_only_program(&inner);
    if let Some((old, _)) = before {
        match old {
            Some(old) => shell.vars.set(b"PATH", old),
            None => drop(shell.vars.remove(b"PATH")),
        }
        shell.hash.clear();
    }
    done
}

/// The call behind the words of a prefix.
fn inner_call(call: &Call, skipped: usize) -> Call {
    let skipped = skipped + 1;
    let words = call.words.get(skipped..).unwrap_or_default().to_vec();
    let assigns = call.assigns.iter().filter(|(at, _)| *at >= skipped);
    Call { words, assigns: assigns.map(|(at, assign)| (at - skipped, assign.clone())).collect(), last: call.last }
}

/// `builtin NAME…`
pub fn builtin(shell: &mut Shell, call: &Call) -> Done {
    let Some(name) = call.args().first() else { return Ok(0) };
    if let Some(builtin) = find(name) {
        (builtin.run)(shell, &inner_call(call, 0))
    } else {
        shell.complain(Some(b"builtin"), format!("{}: not a shell builtin", shown(name)));
        Ok(1)
    }
}

/// `enable [-ans] [NAME…]`
pub fn enable(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"anps") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let names = call.args().get(options.words..).unwrap_or_default();
    if names.is_empty() {
        let off = |name: &str| shell.disabled.iter().any(|off| off == name.as_bytes());
        let mut text = String::new();
        for builtin in ALL.iter().filter(|builtin| !options.has(b's') || builtin.special) {
            let disabled = off(builtin.name);
            if disabled == options.has(b'n') || options.has(b'a') {
                let head = if disabled { "enable -n" } else { "enable" };
                text.extend([format!("{head} {}\n", builtin.name)]);
            }
        }
        return Ok(shell.print(b"enable", text.as_bytes()));
    }
    let mut status = 0;
    for name in names {
        if find(name).is_none() {
            shell.complain(Some(b"enable"), format!("{}: not a shell builtin", shown(name)));
            status = 1;
            continue;
        }
        shell.disabled.retain(|off| off != name);
        if options.has(b'n') {
            shell.disabled.push(name.clone());
        }
    }
    Ok(status)
}

/// `help`: the names of the builtins.
pub fn help(shell: &mut Shell, _: &Call) -> Done {
    let names: Vec<&str> = ALL.iter().map(|builtin| builtin.name).collect();
    let mut text = String::new();
    for line in names.chunks(8) {
        text.push_str(&line.join(" "));
        text.push('\n');
    }
    Ok(shell.print(b"help", text.as_bytes()))
}
