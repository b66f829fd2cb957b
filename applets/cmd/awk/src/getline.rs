//! `getline` in all its forms.

use std::io;

use crate::input::Reader;
use crate::machine::{Machine, Run, special};
use crate::tree::{Expr, Source};
use crate::value::Value;

impl<'p> Machine<'p> {
    /// 1 for a record, 0 at the end, -1 for an error. NR counts records of the main input alone, as in gawk and mawk.
    pub fn getline(&mut self, source: Source, from: Option<&'p Expr>, place: Option<&'p Expr>) -> Run<f64> {
        let mut text = self.take_spare();
        let found = if source == Source::Main {
            self.outputs.flush()?;
            self.main_text(&mut text)?
        } else {
            let mut name = self.take_spare();
            if let Some(from) = from {
                self.text(from, &mut name)?;
            }
            let found = self.line_from(source, name, &mut text);
            match found {
                Ok(found) => found,
                Err(e) => {
                    self.globals[special::ERRNO] = Value::text(cause(&e).as_bytes());
                    return Ok(-1.0);
                }
            }
        };
        if found {
            match place {
                Some(place) => self.set(place, Value::input(&text))?,
                None => self.record.set_text(&text),
            }
        }
        self.spare.push(text);
        Ok(f64::from(found))
    }

    fn line_from(&mut self, source: Source, name: Vec<u8>, text: &mut Vec<u8>) -> kit::Result<bool> {
        if !self.readers.contains_key(&name) {
            self.outputs.flush()?;
            let reader = if source == Source::Command { Reader::command(&name)? } else { Reader::open(&name)? };
            self.readers.insert(name.clone(), reader);
        }
        let found = match self.readers.get_mut(&name) {
            Some(reader) => reader.record(&self.separator, text),
            None => Ok(false),
        };
        self.spare.push(name);
        found
    }
}

/// The system's word for what failed, with a capital letter as gawk has it; our own where the system has none.
fn cause(e: &kit::Error) -> String {
    let system = e.errno().map(|number| io::Error::from_raw_os_error(number).to_string());
    system.as_deref().and_then(|text| text.split(" (os error").next()).map_or_else(|| e.to_string(), str::to_owned)
}
