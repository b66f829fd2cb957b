//! `set -x` and `time`.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use sys::descriptor;

use crate::ast::{Assign, AssignValue, Bytes};
use crate::expand::escape;
use crate::shell::{Flow, Shell};

/// Form of `time` where TIMEFORMAT is not set.
const USUAL_FORM: &[u8] = b"\nreal\t%3lR\nuser\t%3lU\nsys\t%3lS";

/// Time that processors worked for the shell and its children: in programs, in the kernel.
pub fn processor_times() -> (Duration, Duration) {
    let mut sum = (Duration::ZERO, Duration::ZERO);
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        if let Ok(usage) = getrusage(who) {
            let time = |value: i64| Duration::from_micros(u64::try_from(value).unwrap_or(0));
            sum.0 += time(usage.user_time().num_microseconds());
            sum.1 += time(usage.system_time().num_microseconds());
        }
    }
    sum
}

impl Shell {
    /// Prints the words of a command.
    pub(super) fn trace_words(&mut self, assigns: &[Assign], words: &[Bytes]) -> Result<(), Flow> {
        for assign in assigns {
            // Their values are computed a second time for this, as those of commands are not.
            if let AssignValue::Word(word) = &assign.value
                && word.literal().is_some()
            {
                self.trace_assignment(assign)?;
            }
        }
        let shown: Vec<Bytes> = words.iter().map(|word| escape::quoted_if_needed(word)).collect();
        self.trace_line(&shown.join(b" ".as_slice()))
    }

    /// Prints an assignment that was carried out.
    pub(super) fn trace_assignment(&mut self, assign: &Assign) -> Result<(), Flow> {
        let value = match &assign.value {
            AssignValue::Word(word) => match word.literal() {
                Some(text) => text.to_vec(),
                None => self.vars.text(&assign.name).cloned().unwrap_or_default(),
            },
            AssignValue::Array(_) => {
                let value = self.vars.get(&assign.name).map(|var| var.value.clone());
                crate::expand::transform_value(&value.unwrap_or_default())
            }
        };
        let sign: &[u8] = if assign.append { b"+=" } else { b"=" };
        let shown = match &assign.value {
            AssignValue::Word(_) if value.is_empty() => Bytes::new(),
            AssignValue::Word(_) => escape::quoted_if_needed(&value),
            AssignValue::Array(_) => value,
        };
        self.trace_line(&[&assign.name, sign, &shown].concat())
    }

    /// Prints a line behind PS4.
    pub(super) fn trace_line(&mut self, line: &[u8]) -> Result<(), Flow> {
        let prompt = self.vars.text(b"PS4").cloned().unwrap_or_else(|| b"+ ".to_vec());
        self.set.xtrace = false;
        let (status, substituted) = (self.status, self.substituted);
        let expanded = self.expand_prompt(&prompt);
        self.set.xtrace = true;
        (self.status, self.substituted) = (status, substituted);
        let mut text = expanded?;
        // bash shows the level by repeating the first character.
        if self.bash
            && let Some(first) = text.first().copied()
        {
            for _ in 0..self.level {
                text.insert(0, first);
            }
        }
        text.extend_from_slice(line);
        text.push(b'\n');
        let number = self.vars.text(b"BASH_XTRACEFD").and_then(|text| crate::arith::decimal(text));
        let number = number.and_then(|number| i32::try_from(number).ok()).unwrap_or(2);
        // Ignored: the message is lost when that is closed.
        let _ = descriptor::write_all(number, &text);
        Ok(())
    }

    /// Tells how long a pipeline took.
    pub(super) fn tell_times(&self, posix: bool, real: Duration, before: (Duration, Duration)) {
        let after = processor_times();
        let (user, system) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
        let form = match self.vars.text(b"TIMEFORMAT") {
            _ if posix => b"real %2R\nuser %2U\nsys %2S".to_vec(),
            Some(form) => form.clone(),
            None => USUAL_FORM.to_vec(),
        };
        if form.is_empty() {
            return;
        }
        let mut text = formatted(&form, real, user, system);
        text.push(b'\n');
        // As above.
        let _ = descriptor::write_all(2, &text);
    }
}

fn formatted(form: &[u8], real: Duration, user: Duration, system: Duration) -> Bytes {
    let mut text = Bytes::new();
    let mut rest = form;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            text.push(*first);
            continue;
        }
        let mut digits = 3;
        let mut long = false;
        while let Some((kind, behind)) = rest.split_first() {
            rest = behind;
            match kind {
                b'0'..=b'3' => digits = usize::from(kind - b'0'),
                b'l' => long = true,
                b'%' => {
                    text.push(b'%');
                    break;
                }
                b'P' => {
                    let share = (user + system).as_secs_f64() / real.as_secs_f64().max(1e-9);
                    text.extend(format!("{:.2}", share * 100.0).bytes());
                    break;
                }
                b'R' => {
                    text.extend(duration(real, digits, long));
                    break;
                }
                b'U' => {
                    text.extend(duration(user, digits, long));
                    break;
                }
                b'S' => {
                    text.extend(duration(system, digits, long));
                    break;
                }
                _ => break,
            }
        }
    }
    text
}

fn duration(time: Duration, digits: usize, long: bool) -> Bytes {
    let seconds = time.as_secs_f64();
    if long {
        let minutes = time.as_secs() / 60;
        let rest = seconds - f64::from(u32::try_from(minutes * 60).unwrap_or(u32::MAX));
        return format!("{minutes}m{rest:.digits$}s").into_bytes();
    }
    format!("{seconds:.digits$}").into_bytes()
}
