//! `trap`

use super::Call;
use crate::ast::Bytes;
use crate::expand::escape::single;
use crate::shell::{Done, Shell, shown};
use crate::trap::{Action, name, number};

/// `trap [-lp] [ACTION] [SIGNAL…]`
pub fn trap(shell: &mut Shell, call: &Call) -> Done {
    let mut args = call.args();
    match args.first().map(Vec::as_slice) {
        Some(b"-l") => {
            let list = Call { words: vec![b"kill".to_vec(), b"-l".to_vec()], ..Call::default() };
            return super::kill::kill(shell, &list);
        }
        Some(b"-p") => return show(shell, &args[1..]),
        Some(b"--") => args = &args[1..],
        Some(word) if word.len() > 1 && word[0] == b'-' && number(&word[1..]).is_none() => {
            let text = format!("-{}: invalid option", char::from(word[1]));
            return shell.misused(call, text);
        }
        _ => {}
    }
    let Some((action, signals)) = args.split_first() else { return show(shell, &[]) };
    // One operand alone, or a number in front, resets.
    let resets = signals.is_empty() || action.iter().all(u8::is_ascii_digit) && !action.is_empty();
    let (action, signals) = match (resets, action.as_slice()) {
        (true, _) => (None, args),
        (_, b"-") => (None, signals),
        _ => (Some(action.clone()), signals),
    };
    let mut status = 0;
    for signal in signals {
        if let Some(number) = number(signal) {
            shell.set_trap(number, action.clone());
        } else {
            let text = format!("{}: invalid signal specification", shown(signal));
            shell.complain(Some(b"trap"), text);
            status = 1;
        }
    }
    Ok(status)
}

fn show(shell: &mut Shell, signals: &[Bytes]) -> Done {
    let actions = shell.traps.inherited.as_ref().unwrap_or(&shell.traps.actions);
    let line = |signal: i32, action: &Action| {
        let full = name(signal);
        let shown = if shell.bash { full.as_str() } else { full.trim_start_matches("SIG") };
        [b"trap -- ", single(&action.text).as_slice(), b" ", shown.as_bytes(), b"\n"].concat()
    };
    let mut text = Bytes::new();
    if signals.is_empty() {
        for (signal, action) in actions {
            text.extend(line(*signal, action));
        }
    }
    for signal in signals {
        let Some(signal) = number(signal) else {
            shell.complain(Some(b"trap"), format!("{}: invalid signal specification", shown(signal)));
            return Ok(1);
        };
        if let Some(action) = actions.get(&signal) {
            text.extend(line(signal, action));
        }
    }
    Ok(shell.print(b"trap", &text))
}
