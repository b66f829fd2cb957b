//! `getopts`

use super::Call;
use crate::ast::Bytes;
use crate::shell::{Done, Shell, shown};

/// `getopts OPTIONS NAME [ARGUMENT…]`
pub fn getopts(shell: &mut Shell, call: &Call) -> Done {
    let [known, name, rest @ ..] = call.args() else {
        return shell.misused(call, "usage: getopts OPTIONS NAME [ARGUMENT...]");
    };
    if !crate::parse::is_name(name) {
        return shell.misused(call, format!("{}: not a valid identifier", shown(name)));
    }
    let args: Vec<Bytes> = if rest.is_empty() { shell.args.clone() } else { rest.to_vec() };
    let mut index = shell.vars.text(b"OPTIND").and_then(|text| crate::arith::decimal(text)).unwrap_or(1);
    if index != shell.option_word {
        shell.option_at = 0;
    }
    index = index.max(1);
    let word = usize::try_from(index - 1).ok().and_then(|at| args.get(at)).cloned();
    let letters = word.as_ref().and_then(|word| word.strip_prefix(b"-")).filter(|l| !l.is_empty());
    let Some(letters) = letters.filter(|letters| *letters != b"-") else {
        if word.as_deref() == Some(b"--") {
            index += 1;
        }
        finish(shell, index, 0)?;
        shell.vars.remove(b"OPTARG");
        shell.set_var(name, b"?".to_vec())?;
        return Ok(1);
    };
    let taken = take(shell, known, &args, index, letters);
    finish(shell, taken.index, taken.at)?;
    match taken.argument {
        Some(argument) => shell.set_var(b"OPTARG", argument)?,
        None => {
            shell.vars.remove(b"OPTARG");
        }
    }
    shell.set_var(name, taken.result)?;
    Ok(0)
}

/// An option, and the place behind it.
struct Taken {
    result: Bytes,
    argument: Option<Bytes>,
    index: i64,
    at: usize,
}

/// Takes the next option from the word of number `index`.
fn take(shell: &mut Shell, known: &[u8], args: &[Bytes], index: i64, letters: &[u8]) -> Taken {
    let silent = known.first() == Some(&b':');
    let at = shell.option_at.min(letters.len() - 1);
    let letter = letters[at];
    let rest = letters.get(at + 1..).unwrap_or_default().to_vec();
    let place = known.iter().skip(usize::from(silent)).position(|k| *k == letter);
    let place = place.map(|place| place + usize::from(silent)).filter(|_| letter != b':');
    let takes = place.is_some_and(|place| known.get(place + 1) == Some(&b':'));
    let mut result = vec![letter];
    let mut argument = None;
    let (mut next, mut next_at) = if rest.is_empty() { (index + 1, 0) } else { (index, at + 1) };
    if place.is_none() {
        argument = silent.then(|| vec![letter]);
        result = b"?".to_vec();
        if !silent {
            complain(shell, "illegal option", letter);
        }
    } else if takes {
        (next, next_at) = (index + 1, 0);
        if !rest.is_empty() {
            argument = Some(rest);
        } else if let Some(word) = usize::try_from(index).ok().and_then(|at| args.get(at)) {
            argument = Some(word.clone());
            next = index + 2;
        } else {
            argument = silent.then(|| vec![letter]);
            result = if silent { b":".to_vec() } else { b"?".to_vec() };
            if !silent {
                complain(shell, "option requires an argument", letter);
            }
        }
    }
    Taken { result, argument, index: next, at: next_at }
}

/// Notes where the next call begins.
fn finish(shell: &mut Shell, index: i64, at: usize) -> Result<(), crate::shell::Flow> {
    shell.option_word = index;
    shell.set_var(b"OPTIND", index.to_string())?;
    shell.option_at = at;
    Ok(())
}

fn complain(shell: &mut Shell, what: &str, letter: u8) {
    if shell.var(b"OPTERR").is_some_and(|text| text == b"0") {
        return;
    }
    let text = if shell.bash {
        format!("{}: {what} -- {}\n", shown(&shell.name), char::from(letter))
    } else {
        let sentence = match what {
            "illegal option" => format!("Illegal option -{}", char::from(letter)),
            _ => format!("No arg for -{} option", char::from(letter)),
        };
        format!("{sentence}\n")
    };
    // A closed standard error loses the message.
    let _ = sys::descriptor::write_all(2, text.as_bytes());
}
