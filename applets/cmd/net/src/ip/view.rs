//! Output of rows.

use std::io::Write;

use kit::{Context, Exit, Result, out};
use serde_json::Value;

/// Options of the output.
#[derive(Debug, Default)]
pub struct View {
    /// 4, 6 or both.
    pub family: Option<u8>,
    pub brief: bool,
    pub oneline: bool,
    pub json: bool,
}

/// A thing to be shown, in each form.
#[derive(Debug, Default)]
pub struct Thing {
    /// For people, maybe in several lines; no newline at the end.
    pub text: String,
    /// In one short line.
    pub brief: String,
    pub json: Value,
}

impl View {
    /// Tells if rows of that family are wanted.
    pub fn wants(&self, is_v4: bool) -> bool {
        self.family.is_none_or(|family| (family == 4) == is_v4)
    }

    /// Write all things in the form asked for.
    pub fn show(&self, things: Vec<Thing>) -> Result<Exit> {
        let mut out = out();
        if self.json {
            let list = Value::Array(things.into_iter().map(|thing| thing.json).collect());
            writeln!(out, "{list}").doing("write")?;
        } else {
            for thing in things {
                let text = if self.brief { &thing.brief } else { &thing.text };
                let text = if self.oneline { text.replace('\n', "\\") } else { text.clone() };
                writeln!(out, "{text}").doing("write")?;
            }
        }
        out.flush().doing("write")?;
        Ok(Exit::OK)
    }
}
