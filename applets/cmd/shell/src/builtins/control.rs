//! Builtins that change what is run next: `break`, `return`, `exit`, `eval`, `.`, `exec`, `shift`, `let`, `caller`.

use super::{Call, integer};
use crate::ast::Bytes;
use crate::exec::NOT_FOUND;
use crate::shell::{Done, Flow, Shell, shown};

/// Number of loops that an argument names.
fn levels(shell: &mut Shell, call: &Call) -> Result<u32, Done> {
    let Some(text) = call.args().first() else { return Ok(1) };
    match integer(text).ok().and_then(|number| u32::try_from(number).ok()).filter(|n| *n > 0) {
        Some(number) => Ok(number),
        None if shell.bash => {
            shell.complain(Some(call.name()), format!("{}: loop count out of range", shown(text)));
            Err(Ok(1))
        }
        None => Err(shell.misused(call, format!("Illegal number: {}", shown(text)))),
    }
}

/// `break [N]`
pub fn leave_loop(shell: &mut Shell, call: &Call) -> Done {
    match levels(shell, call) {
        Ok(_) if shell.loops == 0 => Ok(0),
        Ok(number) => {
            shell.status = 0;
            Err(Flow::Break(number.min(shell.loops)))
        }
        Err(done) => done,
    }
}

/// `continue [N]`
pub fn next_turn(shell: &mut Shell, call: &Call) -> Done {
    match levels(shell, call) {
        Ok(_) if shell.loops == 0 => Ok(0),
        Ok(number) => {
            shell.status = 0;
            Err(Flow::Continue(number.min(shell.loops)))
        }
        Err(done) => done,
    }
}

/// Status that an argument names; the last one without an argument.
fn status(shell: &mut Shell, call: &Call) -> Result<i32, Done> {
    let args = call.args();
    let args = if args.first().is_some_and(|arg| arg == b"--") { &args[1..] } else { args };
    let Some(text) = args.first() else {
        let exits = call.name() != b"return";
        let entered = shell.traps.entered.last();
        let here = entered.filter(|(_, frames)| exits || *frames == shell.frames.len());
        return Ok(here.map_or(shell.status, |(status, _)| *status));
    };
    match integer(text) {
        Ok(number) => Ok((number & 255) as i32),
        Err(message) if shell.bash => {
            shell.complain(Some(call.name()), message);
            Ok(2)
        }
        Err(_) => Err(shell.misused(call, format!("Illegal number: {}", shown(text)))),
    }
}

/// `return [N]`
pub fn leave_function(shell: &mut Shell, call: &Call) -> Done {
    let status = match status(shell, call) {
        Ok(status) => status,
        Err(done) => return done,
    };
    if shell.frames.is_empty() && shell.bash && shell.traps.entered.is_empty() {
        let text = "can only `return' from a function or sourced script";
        shell.complain(Some(b"return"), text);
        return Ok(2);
    }
    Err(Flow::Return(status))
}

/// `exit [N]`
pub fn exit(shell: &mut Shell, call: &Call) -> Done {
    if shell.interactive && !shell.warned_at_exit {
        let stopped = |job: &crate::jobs::Job| matches!(job.state(), crate::jobs::State::Stopped(_));
        shell.jobs.refresh();
        if shell.jobs.list.iter().any(stopped) {
            shell.warned_at_exit = true;
            // A closed standard error loses the message.
            let _ = sys::descriptor::write_all(2, b"There are stopped jobs.\n");
            return Ok(1);
        }
    }
    status(shell, call).map_or_else(|done| done, |status| Err(Flow::Exit(status)))
}

/// `eval WORD…`
pub fn eval(shell: &mut Shell, call: &Call) -> Done {
    let args = call.args();
    let args = if args.first().is_some_and(|arg| arg == b"--") { &args[1..] } else { args };
    let text = args.join(b" ".as_slice());
    let line = shell.line;
    let done = shell.run_text(&text, line);
    if let Err(Flow::Fail(2)) = done
        && shell.bash
    {
        return Ok(1);
    }
    done
}

/// `. FILE [ARGUMENT…]`
pub fn dot(shell: &mut Shell, call: &Call) -> Done {
    let args = call.args();
    let args = if args.first().is_some_and(|arg| arg == b"--") { &args[1..] } else { args };
    let Some(name) = args.first() else {
        return shell.misused(call, "filename argument required");
    };
    let path = source_path(shell, name);
    let Some(path) = path else {
        let text = if shell.bash { format!("{}: file not found", shown(name)) } else { format!("{}: not found", shown(name)) };
        shell.complain(Some(call.name()), text);
        return fail_special(shell);
    };
    let rest = args.get(1..).unwrap_or_default();
    let rest = (!rest.is_empty()).then(|| rest.to_vec());
    match shell.source(name, &path, rest) {
        Err(Flow::Fail(status)) if shell.bash && !shell.set.posix => Ok(status),
        other => other,
    }
}

fn fail_special(shell: &Shell) -> Done {
    if shell.posix() && !shell.interactive { Err(Flow::Exit(2)) } else { Ok(1) }
}

/// File to read: by PATH where the name has no slash; bash looks here too.
fn source_path(shell: &Shell, name: &[u8]) -> Option<Bytes> {
    if name.contains(&b'/') {
        return Some(name.to_vec());
    }
    let readable = |path: &[u8]| {
        use std::os::unix::ffi::OsStrExt;
        std::fs::metadata(std::ffi::OsStr::from_bytes(path)).is_ok_and(|found| !found.is_dir())
    };
    let path = shell.vars.text(b"PATH").map(Vec::as_slice).unwrap_or_default();
    for directory in path.split(|byte| *byte == b':') {
        let whole = match directory {
            b"" => name.to_vec(),
            _ => [directory, b"/", name].concat(),
        };
        if readable(&whole) {
            return Some(whole);
        }
    }
    (readable(name) && !shell.set.posix).then(|| name.to_vec())
}

/// `exec [-c] [-l] [-a NAME] [COMMAND…]`
pub fn exec(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"cla:") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let words = call.args().get(options.words..).unwrap_or_default().to_vec();
    if words.is_empty() {
        return Ok(0);
    }
    let mut zero = options.argument(b'a').cloned();
    if options.has(b'l') {
        let name = zero.unwrap_or_else(|| words[0].clone());
        zero = Some([b"-", name.as_slice()].concat());
    }
    if options.has(b'c') {
        let names: Vec<Bytes> = shell.vars.iter().map(|(name, _)| name.clone()).collect();
        for name in names {
            shell.vars.entry(&name).export = false;
        }
    }
    let level = shell.vars.text(b"SHLVL").and_then(|text| crate::arith::decimal(text));
    if let (Some(level), 0) = (level, shell.subshell) {
        shell.vars.set(b"SHLVL", (level - 1).max(0).to_string());
    }
    shell.signals_for_exec();
    let status = shell.become_program(&words, zero.as_deref(), Some(b"exec"));
    if shell.interactive || shell.shopt.execfail {
        shell.signals_after_exec();
        return Ok(status);
    }
    Err(Flow::Exit(status.max(NOT_FOUND - 1)))
}

impl Shell {
    /// True for `exec` without a program, also by way of `command` and `builtin`.
    pub fn keeps_redirections(builtin: &super::Builtin, call: &Call) -> bool {
        match builtin.name {
            "exec" => !Self::exec_program(call),
            "command" | "builtin" => call.args() == [b"exec".to_vec()],
            _ => false,
        }
    }

    /// True when a call of `exec` names a program.
    pub fn exec_program(call: &Call) -> bool {
        super::Options::read(call.args(), b"cla:").is_ok_and(|options| options.words < call.args().len())
    }

    /// Gives signals the effects that a program expects.
    fn signals_for_exec(&self) {
        use sys::disposition::{Effect, set};
        for (number, action) in &self.traps.actions {
            if *number > 0 && !action.text.is_empty() {
                set(*number, Effect::Default);
            }
        }
        let own = [(self.interactive, [2, 3, 15]), (self.terminal.is_some(), [20, 21, 22])];
        for (is, numbers) in own {
            let free = numbers.iter().filter(|n| is && !self.traps.actions.contains_key(n));
            free.for_each(|number| set(*number, Effect::Default));
        }
    }

    /// Takes the signals back when the program was not there.
    fn signals_after_exec(&self) {
        for number in [2, 3, 15, 20, 21, 22] {
            if !self.traps.actions.contains_key(&number) {
                sys::disposition::set(number, self.usual_effect(number));
            }
        }
    }
}

/// `shift [N]`
pub fn shift(shell: &mut Shell, call: &Call) -> Done {
    let number = match call.args().first() {
        None => 1,
        Some(text) => match integer(text).ok().and_then(|number| usize::try_from(number).ok()) {
            Some(number) => number,
            None if shell.bash => {
                shell.complain(Some(b"shift"), format!("{}: shift count out of range", shown(text)));
                return Ok(1);
            }
            None => return shell.misused(call, format!("Illegal number: {}", shown(text))),
        },
    };
    if number > shell.args.len() {
        return Ok(1);
    }
    shell.args.drain(..number);
    Ok(0)
}

/// `let EXPRESSION…`
pub fn arithmetic(shell: &mut Shell, call: &Call) -> Done {
    if call.args().is_empty() {
        return shell.misused(call, "expression expected");
    }
    let mut value = 0;
    for text in call.args() {
        match shell.arith_checked(text)? {
            Some(number) => value = number,
            None => return Ok(1),
        }
    }
    Ok(i32::from(value == 0))
}

/// `caller [N]`
pub fn caller(shell: &mut Shell, call: &Call) -> Done {
    let number = match call.args().first() {
        None => None,
        Some(text) => match integer(text) {
            Ok(number) => Some(usize::try_from(number).unwrap_or(usize::MAX)),
            Err(message) => return shell.misused(call, message),
        },
    };
    let mut frames = shell.frames.iter().rev().skip(number.unwrap_or(0));
    let Some(frame) = frames.next() else { return Ok(1) };
    let outer = frames.next();
    // The text of -c is no place that a call comes from.
    if outer.is_none() && number.is_some() && shell.command_string {
        return Ok(1);
    }
    let source = outer.map_or_else(|| shell.name.clone(), |frame| frame.source.clone());
    let line = frame.line.to_string().into_bytes();
    let text = if number.is_none() {
        [line.as_slice(), b" ", &source, b"\n"].concat()
    } else {
        let name = outer.map_or_else(|| b"main".to_vec(), |frame| frame.name.clone());
        [line.as_slice(), b" ", &name, b" ", &source, b"\n"].concat()
    };
    Ok(shell.print(b"caller", &text))
}
