//! `declare`, `typeset`, `local`, `export`, `readonly`.

use std::collections::BTreeMap;

use super::Call;
use crate::ast::{Assign, AssignValue, Bytes};
use crate::expand::escape;
use crate::expand::transform::declaration;
use crate::parse::is_name;
use crate::shell::{Done, Flow, Shell, shown};
use crate::vars::{Value, Var};

/// Wishes of a call.
#[derive(Debug, Default, Clone)]
struct Wish {
    /// Letters behind `-`.
    on: Vec<u8>,
    /// Letters behind `+`.
    off: Vec<u8>,
    /// The variables are those of the function.
    local: bool,
    words: usize,
}

impl Wish {
    fn has(&self, letter: u8) -> bool {
        self.on.contains(&letter)
    }

    /// Reads the options of a call.
    fn read(args: &[Bytes], known: &[u8]) -> Result<Self, String> {
        let mut wish = Self::default();
        for word in args {
            let letters = match word.split_first() {
                Some((b'-' | b'+', letters)) if !letters.is_empty() => letters,
                _ => break,
            };
            wish.words += 1;
            if word == b"--" {
                break;
            }
            if let Some(letter) = letters.iter().find(|letter| !known.contains(letter)) {
                return Err(format!("-{}: invalid option", char::from(*letter)));
            }
            if word[0] == b'-' { &mut wish.on } else { &mut wish.off }.extend_from_slice(letters);
        }
        Ok(wish)
    }
}

/// `declare [-aAfFgiIlnrtux] [-p] [NAME[=VALUE]…]`
pub fn declare(shell: &mut Shell, call: &Call) -> Done {
    let mut wish = match Wish::read(call.args(), b"aAfFgiIlnprtux") {
        Ok(wish) => wish,
        Err(message) => return shell.misused(call, message),
    };
    wish.local = shell.function_depth() > 0 && !wish.has(b'g');
    if wish.has(b'f') || wish.has(b'F') {
        return functions(shell, call, &wish);
    }
    carry_out(shell, call, &wish)
}

/// `local [OPTION…] [NAME[=VALUE]…]`
pub fn local(shell: &mut Shell, call: &Call) -> Done {
    if shell.function_depth() == 0 {
        shell.complain(Some(b"local"), if shell.bash { "can only be used in a function" } else { "not in a function" });
        return if shell.bash { Ok(1) } else { Err(Flow::Fail(2)) };
    }
    let mut wish = match Wish::read(call.args(), b"aAiIlnprtux") {
        Ok(wish) => wish,
        Err(message) => return shell.misused(call, message),
    };
    wish.local = true;
    if call.args().get(wish.words).is_some_and(|word| word == b"-") {
        return Ok(0);
    }
    carry_out(shell, call, &wish)
}

/// `export [-fnp] [NAME[=VALUE]…]`
pub fn export(shell: &mut Shell, call: &Call) -> Done {
    let mut wish = match Wish::read(call.args(), b"fnp") {
        Ok(wish) => wish,
        Err(message) => return shell.misused(call, message),
    };
    if wish.has(b'f') {
        return mark_functions(shell, call, &wish, |defined, on| defined.export = on);
    }
    let back = wish.has(b'n');
    wish.on.retain(|letter| *letter == b'p');
    if back { &mut wish.off } else { &mut wish.on }.push(b'x');
    special(shell, call, &wish, |var| var.export)
}

/// `readonly [-aAfp] [NAME[=VALUE]…]`
pub fn readonly(shell: &mut Shell, call: &Call) -> Done {
    let mut wish = match Wish::read(call.args(), b"aAfp") {
        Ok(wish) => wish,
        Err(message) => return shell.misused(call, message),
    };
    if wish.has(b'f') {
        return mark_functions(shell, call, &wish, |defined, _| defined.readonly = true);
    }
    wish.on.push(b'r');
    special(shell, call, &wish, |var| var.readonly)
}

/// `export` and `readonly`: without names they list.
fn special(shell: &mut Shell, call: &Call, wish: &Wish, listed: fn(&Var) -> bool) -> Done {
    if call.args().len() > wish.words {
        return carry_out(shell, call, wish);
    }
    let mut text = Bytes::new();
    let name = call.name();
    for (variable, var) in shell.vars.iter().filter(|(_, var)| listed(var)) {
        if shell.bash {
            text.extend(declaration(variable, var));
        } else {
            text.extend([name, b" ", variable].concat());
            if let Some(value) = var.scalar() {
                text.extend([b"=", escape::single(value).as_slice()].concat());
            }
        }
        text.push(b'\n');
    }
    Ok(shell.print(name, &text))
}

fn mark_functions(shell: &mut Shell, call: &Call, wish: &Wish, mark: fn(&mut crate::shell::Defined, bool)) -> Done {
    let mut status = 0;
    for name in call.args().get(wish.words..).unwrap_or_default() {
        if let Some(defined) = shell.functions.get_mut(name) {
            mark(defined, !wish.has(b'n'));
        } else {
            shell.complain(Some(call.name()), format!("{}: not a function", shown(name)));
            status = 1;
        }
    }
    Ok(status)
}

fn functions(shell: &mut Shell, call: &Call, wish: &Wish) -> Done {
    let names = call.args().get(wish.words..).unwrap_or_default();
    let mut text = Bytes::new();
    let mut status = 0;
    let all: Vec<Bytes> = match names {
        [] => shell.functions.keys().cloned().collect(),
        names => names.to_vec(),
    };
    for name in all {
        let Some(defined) = shell.functions.get_mut(&name) else {
            status = 1;
            continue;
        };
        if wish.has(b'x') {
            defined.export = true;
        } else if wish.has(b'r') {
            defined.readonly = true;
        } else if wish.has(b'F') {
            let head: &[u8] = if names.is_empty() { b"declare -f " } else { b"" };
            text.extend([head, &name, b"\n"].concat());
        } else {
            text.extend_from_slice(&defined.function.text);
            text.push(b'\n');
        }
    }
    Ok(shell.print(call.name(), &text).max(status))
}

/// Declares the variables of a call, or shows them.
fn carry_out(shell: &mut Shell, call: &Call, wish: &Wish) -> Done {
    if call.args().len() <= wish.words {
        return show_all(shell, call, wish);
    }
    let mut status = 0;
    for (number, word) in call.words.iter().enumerate().skip(wish.words + 1) {
        let assign = call.assigns.iter().find(|(at, _)| *at == number).map(|(_, assign)| assign);
        let done = match assign {
            Some(assign) => array(shell, wish, assign),
            None if wish.has(b'p') && wish.on.iter().all(|letter| *letter != b'x' && *letter != b'r') => show(shell, call, word),
            None => one(shell, call, wish, word),
        };
        status = done?.max(status);
    }
    Ok(status)
}

fn show_all(shell: &mut Shell, call: &Call, wish: &Wish) -> Done {
    let wanted = |var: &Var| {
        let letters = crate::expand::transform::attributes(var);
        wish.on.iter().all(|letter| *letter == b'p' || *letter == b'g' || letters.contains(letter))
    };
    let mut text = Bytes::new();
    for (name, var) in shell.vars.iter().filter(|(_, var)| wanted(var)) {
        if call.name() == b"local" && !shell.vars.is_local(name) {
            continue;
        }
        if wish.on.is_empty() {
            let value = var.scalar().map(|value| escape::quoted_if_needed(value)).unwrap_or_default();
            text.extend([name, b"=".as_slice(), &value].concat());
        } else {
            text.extend(declaration(name, var));
        }
        text.push(b'\n');
    }
    Ok(shell.print(call.name(), &text))
}

fn show(shell: &mut Shell, call: &Call, name: &[u8]) -> Done {
    if let Some(var) = shell.vars.get(name) {
        let line = [declaration(name, var), b"\n".to_vec()].concat();
        Ok(shell.print(call.name(), &line))
    } else {
        shell.complain(Some(call.name()), format!("{}: not found", shown(name)));
        Ok(1)
    }
}

/// `NAME` or `NAME=VALUE`.
fn one(shell: &mut Shell, call: &Call, wish: &Wish, word: &[u8]) -> Done {
    let at = word.iter().position(|byte| *byte == b'=');
    let (mut name, value) = match at.and_then(|at| word.split_at_checked(at)) {
        Some((name, rest)) => (name, rest.get(1..).map(<[u8]>::to_vec)),
        None => (word, None),
    };
    let append = value.is_some() && name.ends_with(b"+");
    if append {
        name = &name[..name.len() - 1];
    }
    let split = crate::vars::lookup::split_subscript(name);
    let bare = split.map_or(name, |(name, _)| name);
    if !is_name(bare) {
        let text = if shell.bash { "not a valid identifier" } else { "bad variable name" };
        if shell.bash {
            shell.complain(Some(call.name()), format!("`{}': {text}", shown(word)));
            return Ok(1);
        }
        return shell.misused(call, format!("{}: {text}", shown(name)));
    }
    let bare = target(shell, wish, bare);
    let readonly = shell.vars.get(&bare).is_some_and(|var| var.readonly);
    let changes = value.is_some() || wish.off.contains(&b'r');
    if readonly && changes {
        let text = if shell.bash { "readonly variable" } else { "is read only" };
        shell.complain(Some(call.name()), format!("{}: {text}", shown(&bare)));
        let special = super::find(call.name()).is_some_and(|builtin| builtin.special);
        return if special && shell.posix() { Err(Flow::Fail(2)) } else { Ok(1) };
    }
    prepare(shell, wish, &bare);
    if let Some(value) = value {
        assign(shell, wish, &bare, split.map(|(_, index)| index), value, append)?;
    }
    finish(shell, wish, &bare);
    Ok(0)
}

fn assign(shell: &mut Shell, wish: &Wish, name: &[u8], index: Option<&[u8]>, value: Bytes, append: bool) -> Result<(), Flow> {
    // The value of a reference is the name.
    if wish.has(b'n') {
        shell.vars.set(name, value);
        return Ok(());
    }
    // A text such as `(a b)` that came from a variable.
    let listed = value.starts_with(b"(") && value.ends_with(b")") && (wish.has(b'a') || wish.has(b'A'));
    if listed {
        let text = [name, b"=", value.as_slice()].concat();
        return shell.run_text(&text, shell.line).map(drop);
    }
    let key = match index {
        Some(index) => {
            let word = shell.parse_word(index);
            Some(shell.key(name, &word)?)
        }
        None => None,
    };
    shell.put(name, key, value, append)
}

/// `NAME=(…)`.
fn array(shell: &mut Shell, wish: &Wish, written: &Assign) -> Done {
    let name = target(shell, wish, &written.name);
    if shell.vars.get(&name).is_some_and(|var| var.readonly) {
        shell.check_writable(&name)?;
    }
    // The elements may name the variable that is about to be hidden.
    prepare(shell, wish, &name);
    match &written.value {
        AssignValue::Array(elements) => shell.assign_array(&name, elements, written.append)?,
        AssignValue::Word(_) => shell.assign(&Assign { name: name.clone(), ..written.clone() })?,
    }
    finish(shell, wish, &name);
    Ok(0)
}

/// The variable that is meant: a reference is followed unless it is about the reference itself.
fn target(shell: &Shell, wish: &Wish, name: &[u8]) -> Bytes {
    let about = wish.has(b'n') || wish.off.contains(&b'n') || wish.local;
    if about { name.to_vec() } else { shell.resolve(name).0 }
}

/// Makes the variable, with what must hold before it gets a value.
fn prepare(shell: &mut Shell, wish: &Wish, name: &[u8]) {
    if wish.local && !shell.vars.is_local(name) {
        shell.vars.hide(name);
        let inherits = shell.shopt.localvar_inherit || wish.has(b'I');
        let old = shell.vars.get(name).cloned().unwrap_or_default();
        let export = old.export;
        let var = if inherits { old } else { Var { export, ..Var::default() } };
        shell.vars.put(name, var);
    }
    let var = shell.vars.entry(name);
    if wish.has(b'A') && !matches!(var.value, Value::Map(_)) {
        var.value = Value::Map(BTreeMap::new());
    }
    if wish.has(b'a') && !matches!(var.value, Value::List(_) | Value::Map(_)) {
        let old = var.scalar().cloned();
        var.value = Value::List(old.map(|text| (0, text)).into_iter().collect());
    }
    for (on, letters) in [(true, &wish.on), (false, &wish.off)] {
        for letter in letters {
            match letter {
                b'i' => var.integer = on,
                b'l' => (var.lower, var.upper) = (on, var.upper && !on),
                b'u' => (var.upper, var.lower) = (on, var.lower && !on),
                b'n' => var.nameref = on,
                b'x' => var.export = on,
                _ => {}
            }
        }
    }
}

/// Sets what must hold after it has a value.
fn finish(shell: &mut Shell, wish: &Wish, name: &[u8]) {
    if wish.has(b'r') {
        shell.vars.entry(name).readonly = true;
    }
    shell.changed(name);
}
