//! `unset`

use super::Call;
use crate::shell::{Done, Shell, shown};
use crate::vars::Value;
use crate::vars::assign::Key;
use crate::vars::lookup::split_subscript;

/// `unset [-fvn] NAME…`
pub fn unset(shell: &mut Shell, call: &Call) -> Done {
    let options = match super::Options::read(call.args(), b"fvn") {
        Ok(options) => options,
        Err(message) if shell.bash => return shell.misused(call, message),
        Err(message) => {
            let letter = message.get(1..2).unwrap_or_default();
            return shell.misused(call, format!("illegal option -{letter}"));
        }
    };
    let mut status = 0;
    for name in call.args().get(options.words..).unwrap_or_default() {
        if options.has(b'f') {
            shell.functions.remove(name);
            continue;
        }
        let done = if options.has(b'n') { variable(shell, name, false) } else { variable(shell, name, true) };
        match done {
            // Without options a function of that name goes.
            Ok(false) if !options.has(b'v') => {
                shell.functions.remove(name);
            }
            Ok(_) => {}
            Err(message) => {
                if shell.bash {
                    shell.complain(Some(b"unset"), message);
                    status = 1;
                } else {
                    return shell.misused(call, message);
                }
            }
        }
    }
    Ok(status)
}

/// Takes a variable or an element away; false when there was none.
fn variable(shell: &mut Shell, name: &[u8], follow: bool) -> Result<bool, String> {
    let (mut name, mut index) = match split_subscript(name) {
        Some((name, index)) => (name.to_vec(), Some(index.to_vec())),
        None => (name.to_vec(), None),
    };
    if !crate::parse::is_name(&name) {
        let what = if shell.bash { "not a valid identifier" } else { "bad variable name" };
        return Err(format!("{}: {what}", shown(&name)));
    }
    if follow {
        let (target, inner) = shell.resolve(&name);
        name = target;
        index = index.or(inner);
    }
    let Some(var) = shell.vars.get(&name) else { return Ok(false) };
    if var.readonly {
        let what = if shell.bash { "cannot unset: readonly variable" } else { "is read only" };
        return Err(format!("{}: {what}", shown(&name)));
    }
    match index {
        None => {
            shell.vars.remove(&name);
            shell.changed(&name);
        }
        Some(index) if index == b"@" || index == b"*" => {
            shell.vars.remove(&name);
        }
        Some(index) => element(shell, &name, &index),
    }
    Ok(true)
}

fn element(shell: &mut Shell, name: &[u8], index: &[u8]) {
    let word = shell.parse_word(index);
    let Ok(key) = shell.key(name, &word) else { return };
    let Some(var) = shell.vars.get_mut(name) else { return };
    match (&mut var.value, key) {
        (Value::List(list), Key::Number(mut number)) => {
            if number < 0 {
                number += list.last_key_value().map_or(0, |(last, _)| last + 1);
            }
            list.remove(&number);
        }
        (Value::Map(map), Key::Name(name)) => {
            map.remove(&name);
        }
        (Value::Text(_), Key::Number(0)) => var.value = Value::Unset,
        _ => {}
    }
}
