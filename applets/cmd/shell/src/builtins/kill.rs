//! `kill`

use sys::disposition;

use super::Call;
use crate::ast::Bytes;
use crate::shell::{Done, Shell, cause, shown};
use crate::trap;

/// Signal where none is named.
const SIGTERM: i32 = 15;

/// `kill [-s NAME | -n NUMBER | -NAME | -NUMBER] PROCESS|%JOB…`, `kill -l [NUMBER…]`
pub fn kill(shell: &mut Shell, call: &Call) -> Done {
    let mut args = call.args();
    let mut number = SIGTERM;
    if let Some((first, rest)) = args.split_first() {
        match first.as_slice() {
            b"-l" | b"-L" => return list(shell, rest),
            b"-s" | b"-n" => {
                let Some((name, rest)) = rest.split_first() else {
                    return shell.misused(call, "a signal is missing");
                };
                match signal(name) {
                    Some(found) => number = found,
                    None => return unknown(shell, call, name),
                }
                args = rest;
            }
            b"--" => args = rest,
            _ => {
                if let Some(name) = first.strip_prefix(b"-") {
                    match signal(name).or_else(|| signal(name.strip_prefix(b"s")?)) {
                        Some(found) => number = found,
                        None => return unknown(shell, call, name),
                    }
                    args = rest;
                }
            }
        }
        if args.first().is_some_and(|arg| arg == b"--") && first != b"--" {
            args = &args[1..];
        }
    }
    if args.is_empty() {
        return shell.misused(call, "name a process or a job");
    }
    let mut status = 0;
    for target in args {
        if let Err(message) = send(shell, target, number) {
            shell.complain(Some(b"kill"), message);
            status = 1;
        }
    }
    Ok(status)
}

fn unknown(shell: &mut Shell, call: &Call, name: &[u8]) -> Done {
    shell.complain(Some(call.name()), format!("{}: invalid signal specification", shown(name)));
    Ok(1)
}

/// Number of a signal; 0 only asks if one may.
fn signal(name: &[u8]) -> Option<i32> {
    if name == b"0" {
        return Some(0);
    }
    trap::number(name).filter(|number| *number > 0)
}

fn send(shell: &mut Shell, target: &[u8], number: i32) -> Result<(), String> {
    // A child that ended and was not waited for would still be found.
    shell.jobs.refresh();
    let process = if target.starts_with(b"%") {
        let id = shell.jobs.find(target)?;
        let job = shell.jobs.by_id(id).ok_or("no such job")?;
        job.group.map_or_else(|| job.leader(), |group| -group)
    } else {
        let number = super::integer(target).ok().and_then(|number| i32::try_from(number).ok());
        let what = "arguments must be process or job IDs";
        number.ok_or_else(|| format!("{}: {what}", shown(target)))?
    };
    if process > 0 && shell.jobs.by_pid(process).is_some_and(|job| job.status().is_some()) {
        return Err(format!("({process}) - No such process"));
    }
    disposition::send(process, number).map_err(|e| format!("({process}) - {}", cause(&e)))?;
    // A stopped job ends only once it runs again.
    let stopped = target.starts_with(b"%") && matches!(number, 1 | 15);
    if stopped {
        let _ = disposition::send(process, 18);
    }
    Ok(())
}

fn list(shell: &mut Shell, args: &[Bytes]) -> Done {
    let mut text = String::new();
    let mut status = 0;
    if args.is_empty() {
        for (at, name) in kit::signal::names().enumerate() {
            let number = kit::signal::number(name).unwrap_or(0);
            let end = if at % 5 == 4 { '\n' } else { '\t' };
            text.extend([format!("{number:2}) SIG{name}{end}")]);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    for arg in args {
        let number = super::integer(arg).ok().map(|number| (number & 0x7f) as i32);
        let found = match number {
            Some(0) => Some("EXIT".to_owned()),
            Some(number) if number < 65 => Some(trap::name(number).trim_start_matches("SIG").to_owned()),
            Some(_) => None,
            None => signal(arg).map(|number| number.to_string()),
        };
        if let Some(found) = found {
            text.extend([format!("{found}\n")]);
        } else {
            shell.complain(Some(b"kill"), format!("{}: invalid signal specification", shown(arg)));
            status = 1;
        }
    }
    Ok(shell.print(b"kill", text.as_bytes()).max(status))
}
