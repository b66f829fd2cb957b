//! `set` and `shopt`.

use super::Call;
use crate::ast::Bytes;
use crate::expand::escape;
use crate::shell::{Done, Shell, shown};
use crate::vars::Value;

/// `set [-OPTIONS] [-o NAME] [--] [ARGUMENT…]`
pub fn set(shell: &mut Shell, call: &Call) -> Done {
    let args = call.args();
    if args.is_empty() {
        return show_variables(shell);
    }
    let mut at = 0;
    while let Some(word) = args.get(at) {
        let (on, letters) = match word.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some((b'+', rest)) if !rest.is_empty() => (false, rest),
            _ => break,
        };
        at += 1;
        if word == b"--" {
            shell.args = args.get(at..).unwrap_or_default().to_vec();
            return Ok(0);
        }
        if letters.is_empty() {
            // A lone dash ends the options, and switches tracing off.
            shell.set.xtrace = false;
            shell.set_option("verbose", false);
            break;
        }
        for letter in letters {
            if *letter != b'o' {
                if !shell.set_letter(*letter, on) {
                    let sign = if on { '-' } else { '+' };
                    let text = format!("{sign}{}: invalid option", char::from(*letter));
                    return shell.misused(call, text);
                }
                continue;
            }
            let Some(name) = args.get(at) else { return show_options(shell, on) };
            at += 1;
            if !shell.set_option(&shown(name), on) {
                return shell.misused(call, format!("{}: invalid option name", shown(name)));
            }
        }
    }
    if at < args.len() {
        shell.args = args.get(at..).unwrap_or_default().to_vec();
    }
    Ok(0)
}

fn show_variables(shell: &mut Shell) -> Done {
    let mut text = Bytes::new();
    for (name, var) in shell.vars.iter() {
        let value = match &var.value {
            Value::Unset => continue,
            Value::Text(value) if shell.bash => escape::quoted_if_needed(value),
            Value::Text(value) => escape::single(value),
            other => crate::expand::transform_value(other),
        };
        text.extend([name, b"=".as_slice(), &value, b"\n"].concat());
    }
    if shell.bash && !shell.set.posix {
        for defined in shell.functions.values() {
            text.extend([defined.function.text.as_slice(), b"\n"].concat());
        }
    }
    Ok(shell.print(b"set", &text))
}

/// `set -o`: a table; `set +o`: commands.
fn show_options(shell: &Shell, table: bool) -> Done {
    let line = |(name, on): (&str, bool)| {
        if table {
            format!("{name:<15}\t{}\n", if on { "on" } else { "off" })
        } else {
            format!("set {}o {name}\n", if on { '-' } else { '+' })
        }
    };
    let text: String = shell.set.all().into_iter().map(line).collect();
    Ok(shell.print(b"set", text.as_bytes()))
}

/// `shopt [-pqsu] [-o] [NAME…]`
pub fn shopt(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"opqsu") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let names = call.args().get(options.words..).unwrap_or_default();
    let of_set = options.has(b'o');
    let all = if of_set { shell.set.all() } else { shell.shopt.all() };
    let (on, off) = (options.has(b's'), options.has(b'u'));
    let line = |(name, is): (&str, bool)| match (options.has(b'p'), of_set) {
        (true, true) => format!("set {}o {name}\n", if is { '-' } else { '+' }),
        (true, false) => format!("shopt -{} {name}\n", if is { 's' } else { 'u' }),
        _ => format!("{name:<15}\t{}\n", if is { "on" } else { "off" }),
    };
    if names.is_empty() {
        let wanted = |(_, is): &(&str, bool)| on == off || *is == on;
        let text: String = all.into_iter().filter(wanted).map(line).collect();
        return Ok(shell.print(b"shopt", text.as_bytes()));
    }
    let mut status = 0;
    let mut text = String::new();
    for name in names {
        let name = shown(name);
        let known = all.iter().find(|(known, _)| *known == name);
        let Some((known, is)) = known else {
            shell.complain(Some(b"shopt"), format!("{name}: invalid shell option name"));
            status = 1;
            continue;
        };
        if on || off {
            if of_set {
                shell.set_option(known, on)
            } else {
                shell.set_shopt(known, on)
            };
            continue;
        }
        status = status.max(i32::from(!is));
        if !options.has(b'q') {
            text.push_str(&line((known, *is)));
        }
    }
    Ok(shell.print(b"shopt", text.as_bytes()).max(status))
}
