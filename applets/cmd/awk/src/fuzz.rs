//! Entry points of `tests/fuzz` for the parsers of untrusted input: each takes any bytes, and panics when an invariant does not hold.

use std::panic::resume_unwind;

use crate::awk::STACK;
use crate::machine::{Machine, SPECIAL};

/// Uses of the lines of a text: as separator, expression, format, time and number.
const USES: &[u8] = br#"BEGIN {
    n = split(ENVIRON["x"], line, "\n")
    for (i = 1; i < 4 && i <= n; i++) number += line[i] + strtonum(line[i]) + length(line[i])
    text = substr(line[3], number % 7, 40) toupper(line[2]) strftime(line[1], 86400) mktime(line[2])
    $0 = line[3]; $(number % 9 + 1) = line[2]; NF = NF % 5
    text = text sprintf(substr(line[1], 1, 12), number, line[2], line[3])
    FS = line[1]; $0 = line[3]; text = text $2
    n = split(line[3], part, line[1], between)
    if (match(line[3], line[1], group)) text = text group[0] RSTART
    gsub(line[1], substr(line[2], 1, 20), line[3])
    text = gensub(line[1], substr(line[2], 1, 20), "g", substr(line[3], 1, 200))
}"#;

/// A program's text, which is read and not run.
pub fn program(bytes: &[u8]) {
    let bytes = bytes.to_vec();
    deep(move || drop(crate::parse::parse(&bytes, SPECIAL)));
}

/// A text whose lines a program uses in many ways.
pub fn text(bytes: &[u8]) {
    let bytes = bytes.to_vec();
    deep(move || {
        if let Ok(program) = crate::parse::parse(USES, SPECIAL) {
            let environment = vec![(b"x".to_vec(), bytes)];
            drop(Machine::new(&program, &[b"awk".to_vec()], environment).run());
        }
    });
}

/// Runs it with as much memory for calls as the command has.
fn deep(run: impl FnOnce() + Send + 'static) {
    if let Ok(thread) = std::thread::Builder::new().stack_size(STACK).spawn(run)
        && let Err(panic) = thread.join()
    {
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn the_program_is_whole() {
        assert!(crate::parse::parse(USES, SPECIAL).is_ok());
        text(b"a+\nb&\nxaay");
        program(b"BEGIN { print (((1))) }");
        assert!(Machine::new(&crate::parse::parse(USES, SPECIAL).unwrap(), &[b"awk".to_vec()], Vec::new()).run().is_ok());
    }
}
