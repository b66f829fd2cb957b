//! `history`, `fc`, and the builtins of programmable completion.

use super::Call;
use crate::ast::Bytes;
use crate::shell::{Done, Shell};

/// `history [-c] [-d NUMBER] [COUNT]`
pub fn history(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"cd:") {
        Ok(options) => options,
        Err(done) => return done,
    };
    if options.has(b'c') {
        shell.history.borrow_mut().clear();
        return Ok(0);
    }
    if let Some(text) = options.argument(b'd') {
        let at = super::integer(text).ok().and_then(|number| usize::try_from(number - 1).ok());
        let count = shell.history.borrow().len();
        let Some(at) = at.filter(|at| *at < count) else {
            return shell.misused(call, "history position out of range");
        };
        shell.history.borrow_mut().remove(at);
        return Ok(0);
    }
    let count = call.args().get(options.words).map(|text| super::integer(text));
    let most = match count {
        None => usize::MAX,
        Some(Ok(number)) => usize::try_from(number).unwrap_or(0),
        Some(Err(message)) => return shell.misused(call, message),
    };
    let all = shell.history.borrow();
    let skip = all.len().saturating_sub(most);
    let lines = all.iter().enumerate().skip(skip);
    let lines: Vec<String> = lines.map(|(number, line)| format!("{:5}  {line}\n", number + 1)).collect();
    drop(all);
    Ok(shell.print(b"history", lines.concat().as_bytes()))
}

/// `fc -l [FIRST [LAST]]`: the lines that were entered. There is no editor to change them in.
pub fn fc(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"lnr") {
        Ok(options) => options,
        Err(done) => return done,
    };
    if !options.has(b'l') {
        return shell.misused(call, "only -l is here");
    }
    let all = shell.history.borrow();
    let skip = all.len().saturating_sub(16);
    let mut lines: Vec<String> = all
        .iter()
        .enumerate()
        .skip(skip)
        .map(|(number, line)| if options.has(b'n') { format!("\t {line}\n") } else { format!("{}\t {line}\n", number + 1) })
        .collect();
    drop(all);
    if options.has(b'r') {
        lines.reverse();
    }
    Ok(shell.print(b"fc", lines.concat().as_bytes()))
}

/// `complete` and `compopt`: scripts may say how words are completed; the editor completes commands and files.
pub fn nothing(_: &mut Shell, _: &Call) -> Done {
    Ok(0)
}

/// `compgen -abcdfkv|-A ACTION|-W WORDS [PREFIX]`
pub fn compgen(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"abcdefgjksuvA:F:G:W:P:S:X:o:C:") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let prefix = call.args().get(options.words).cloned().unwrap_or_default();
    let mut all: Vec<Bytes> = Vec::new();
    for (letter, argument) in &options.found {
        let action = match letter {
            b'A' => argument.as_slice(),
            b'a' => b"alias",
            b'b' => b"builtin",
            b'c' => b"command",
            b'd' => b"directory",
            b'f' => b"file",
            b'v' => b"variable",
            b'W' => {
                let word = shell.parse_word(argument);
                let text = shell.expand_text(&word)?;
                let ifs = shell.separators();
                all.extend(text.split(|byte| ifs.contains(byte)).map(<[u8]>::to_vec));
                continue;
            }
            _ => continue,
        };
        all.extend(crate::editor::complete::names(shell, action, &prefix));
    }
    all.retain(|word| word.starts_with(&prefix) && !word.is_empty());
    let mut text = all.join(b"\n".as_slice());
    if text.is_empty() {
        return Ok(1);
    }
    text.push(b'\n');
    Ok(shell.print(b"compgen", &text))
}
