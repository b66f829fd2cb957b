//! The command `s`.

use kit::{Error, Exit, Result};

use super::program::Replace;
use super::run::Editor;
use super::text::put;

impl Editor {
    pub(super) fn replace(&mut self, replace: &Replace) -> Result<()> {
        let pattern = self.pattern(&replace.search)?;
        if replace.groups() > pattern.groups() {
            return Err(Error::new(format!("\\{} stands for no group", replace.groups())).with_exit(Exit::FAILED));
        }
        let line = &self.line;
        let mut fresh = Vec::with_capacity(line.len());
        let (mut done_to, mut count, mut changed) = (0, 0, false);
        pattern.each_match(line, |spans| {
            count += 1;
            let Some(whole) = spans.first().cloned().flatten() else { return false };
            if count < replace.from {
                return true;
            }
            fresh.extend_from_slice(line.get(done_to..whole.start).unwrap_or_default());
            put(&replace.with, line, spans, &mut fresh);
            done_to = whole.end;
            changed = true;
            replace.all
        })?;
        if !changed {
            return Ok(());
        }
        fresh.extend_from_slice(line.get(done_to..).unwrap_or_default());
        self.line = fresh;
        self.replaced = true;
        if replace.execute {
            self.line = self.executed(&self.line.clone())?;
            self.line.pop_if(|byte| *byte == self.end);
        }
        if replace.print {
            self.output.line(&self.line, self.ended)?;
        }
        replace.file.as_ref().map_or(Ok(()), |file| self.output.write_to(file, &self.line, self.ended))
    }
}
