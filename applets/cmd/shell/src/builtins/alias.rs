//! `alias` and `unalias`.

use super::Call;
use crate::ast::Bytes;
use crate::expand::escape::single;
use crate::shell::{Done, Shell, shown};

/// `alias [-p] [NAME[=VALUE]…]`
pub fn alias(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"p") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let operands = call.args().get(options.words..).unwrap_or_default();
    let line = |name: &[u8], value: &[u8]| {
        let head: &[u8] = if shell.bash { b"alias " } else { b"" };
        [head, name, b"=", &single(value), b"\n"].concat()
    };
    let mut text = Bytes::new();
    if operands.is_empty() || options.has(b'p') {
        for (name, value) in shell.settings.aliases.borrow().iter() {
            text.extend(line(name, value));
        }
    }
    let mut status = 0;
    for operand in operands {
        let at = operand.iter().skip(1).position(|byte| *byte == b'=').map(|at| at + 1);
        if let Some((name, value)) = at.and_then(|at| operand.split_at_checked(at)) {
            let value = value.get(1..).unwrap_or_default().to_vec();
            shell.settings.aliases.borrow_mut().insert(name.to_vec(), value);
        } else if let Some(value) = shell.settings.aliases.borrow().get(operand) {
            text.extend(line(operand, value));
        } else {
            shell.complain(Some(b"alias"), format!("{}: not found", shown(operand)));
            status = 1;
        }
    }
    Ok(shell.print(b"alias", &text).max(status))
}

/// `unalias -a | NAME…`
pub fn unalias(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"a") {
        Ok(options) => options,
        Err(done) => return done,
    };
    if options.has(b'a') {
        shell.settings.aliases.borrow_mut().clear();
        return Ok(0);
    }
    let mut status = 0;
    for name in call.args().get(options.words..).unwrap_or_default() {
        if shell.settings.aliases.borrow_mut().remove(name).is_none() {
            shell.complain(Some(b"unalias"), format!("{}: not found", shown(name)));
            status = 1;
        }
    }
    Ok(status)
}
