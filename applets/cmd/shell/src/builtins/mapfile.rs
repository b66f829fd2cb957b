//! `mapfile` and `readarray`.

use sys::descriptor;

use super::{Call, integer};
use crate::ast::Bytes;
use crate::shell::{Done, Shell};
use crate::vars::assign::Key;

/// `mapfile [-t] [-d DELIMITER] [-n COUNT] [-O ORIGIN] [-s COUNT] [-u FD] [-C COMMAND] [-c COUNT] [ARRAY]`
pub fn mapfile(shell: &mut Shell, call: &Call) -> Done {
    let options = match shell.options(call, b"td:n:O:s:u:C:c:") {
        Ok(options) => options,
        Err(done) => return done,
    };
    let mut numbers = [0_i64; 4];
    for (at, letter) in [b'n', b'O', b's', b'u'].into_iter().enumerate() {
        if let Some(text) = options.argument(letter) {
            match integer(text) {
                Ok(number) => numbers[at] = number,
                Err(message) => return shell.misused(call, message),
            }
        }
    }
    let [most, origin, skipped, number] = numbers;
    let every = options.argument(b'c').and_then(|text| integer(text).ok()).unwrap_or(5000).max(1);
    let delimiter = options.argument(b'd').map_or(b'\n', |text| text.first().copied().unwrap_or(0));
    let name = call.args().get(options.words).cloned().unwrap_or_else(|| b"MAPFILE".to_vec());
    let (name, _) = shell.resolve(&name);
    if options.argument(b'O').is_none() {
        shell.check_writable(&name)?;
        shell.set_list(&name, Vec::new())?;
    }
    let mut input = Input { number: number as i32, buffer: Bytes::new() };
    let mut at = 0;
    while most == 0 || at < most + skipped {
        let Some(mut line) = input.line(delimiter) else { break };
        at += 1;
        if at <= skipped {
            continue;
        }
        if options.has(b't') && line.last() == Some(&delimiter) {
            line.pop();
        }
        line.retain(|byte| *byte != 0);
        let place = origin + at - skipped - 1;
        if let Some(command) = options.argument(b'C').filter(|_| (at - skipped) % every == 0) {
            let quoted = crate::expand::escape::single(&line);
            let text = [command.as_slice(), format!(" {place} ").as_bytes(), &quoted].concat();
            shell.run_text(&text, shell.line)?;
        }
        shell.put(&name, Some(Key::Number(place)), line, false)?;
    }
    input.give_back();
    Ok(0)
}

/// Input that is read in blocks; what is left over is given back where that is possible.
struct Input {
    number: i32,
    buffer: Bytes,
}

impl Input {
    fn line(&mut self, delimiter: u8) -> Option<Bytes> {
        let mut looked = 0;
        loop {
            let rest = self.buffer.get(looked..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|byte| *byte == delimiter) {
                return Some(self.buffer.drain(..=looked + at).collect());
            }
            looked = self.buffer.len();
            let mut block = [0; 4096];
            match descriptor::read(self.number, &mut block) {
                Ok(0) => return (looked > 0).then(|| std::mem::take(&mut self.buffer)),
                Ok(len) => self.buffer.extend_from_slice(block.get(..len).unwrap_or_default()),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return (looked > 0).then(|| std::mem::take(&mut self.buffer)),
            }
        }
    }

    fn give_back(&self) {
        if !self.buffer.is_empty() {
            // A pipe takes nothing back; what was read of it is lost to others.
            let _ = descriptor::seek_by(self.number, -(self.buffer.len() as i64));
        }
    }
}
