//! `echo`

use super::Call;
use crate::ast::Bytes;
use crate::expand::escape::{Style, escapes};
use crate::shell::{Done, Shell};

/// `echo [-neE] WORD…`
pub fn echo(shell: &mut Shell, call: &Call) -> Done {
    let mut args = call.args();
    let (mut newline, mut escaped) = (true, shell.shopt.xpg_echo);
    while let Some((first, rest)) = args.split_first() {
        let letters = first.strip_prefix(b"-").filter(|letters| !letters.is_empty());
        let Some(letters) = letters.filter(|l| l.iter().all(|byte| b"neE".contains(byte))) else {
            break;
        };
        for letter in letters {
            match letter {
                b'n' => newline = false,
                b'e' => escaped = true,
                _ => escaped = false,
            }
        }
        args = rest;
    }
    let mut text: Bytes = args.join(b" ".as_slice());
    if escaped {
        let result = escapes(&text, Style::Echo);
        text = result.text;
        newline &= !result.stopped;
    }
    if newline {
        text.push(b'\n');
    }
    Ok(shell.print(b"echo", &text))
}
