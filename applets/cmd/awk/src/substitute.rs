//! `sub`, `gsub` and `gensub`.

use kit::Error;

use crate::machine::{Machine, Run};
use crate::tree::Expr;
use crate::value::Value;

impl<'p> Machine<'p> {
    /// `sub` and `gsub`: the number of places that were replaced.
    pub fn substitute(&mut self, all: bool, arguments: &'p [Expr]) -> Run<Value> {
        let matcher = self.matcher(&arguments[0])?;
        let replacement = self.bytes(&arguments[1])?;
        let place = arguments.get(2);
        let mut text = self.take_spare();
        match place {
            Some(place) => self.text(place, &mut text)?,
            None => text.extend_from_slice(self.record.text(&Self::joint(&self.ofs, &self.convfmt))),
        }
        let mut out = self.take_spare();
        let (mut from, mut count) = (0, 0u32);
        matcher.each(&text, |found| {
            out.extend_from_slice(&text[from..found.start]);
            put_replacement(&replacement, &text[found.clone()], &mut out);
            from = found.end;
            count += 1;
            all
        })?;
        if count > 0 {
            out.extend_from_slice(&text[from..]);
            match place {
                None => self.record.set_text(&out),
                Some(place) if place.is_place() => self.set(place, Value::text(&out))?,
                // There is nothing to put the result into: gawk warns, and so be it.
                Some(_) => {}
            }
        }
        self.spare.push(text);
        self.spare.push(out);
        Ok(Value::Num(f64::from(count)))
    }

    /// `gensub`: the text with places replaced.
    pub fn gensub(&mut self, arguments: &'p [Expr]) -> Run<Value> {
        let matcher = self.matcher(&arguments[0])?;
        let replacement = self.bytes(&arguments[1])?;
        let which = self.eval(&arguments[2])?;
        let text = match arguments.get(3) {
            Some(text) => self.bytes(text)?,
            None => self.record.text(&Self::joint(&self.ofs, &self.convfmt)).into(),
        };
        let all = which.bytes(&self.convfmt).first().is_some_and(|c| matches!(c, b'g' | b'G'));
        let wanted = which.num().max(1.0) as u64;
        let mut out = Vec::new();
        let (mut from, mut count) = (0, 0u64);
        let mut failed = None;
        matcher.each(&text, |found| {
            count += 1;
            if !all && count != wanted {
                return true;
            }
            out.extend_from_slice(&text[from..found.start]);
            match matcher.captures(&text, found.start) {
                Ok(groups) => put_groups(&replacement, &text, groups.as_deref().unwrap_or_default(), &mut out),
                Err(e) => failed = Some(e),
            }
            from = found.end;
            all
        })?;
        if let Some(e) = failed {
            return Err(Error::new(e.to_string()).into());
        }
        out.extend_from_slice(&text[from..]);
        Ok(Value::Str(out.into()))
    }
}

/// Appends a replacement: `&` is the match, `\&` itself, and `\\` before `&` one backslash.
fn put_replacement(replacement: &[u8], found: &[u8], out: &mut Vec<u8>) {
    let mut rest = replacement;
    while let Some(at) = memchr::memchr2(b'&', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let used = match rest {
            [b'&', ..] => {
                out.extend_from_slice(found);
                1
            }
            [b'\\', b'&', ..] => {
                out.push(b'&');
                2
            }
            [b'\\', b'\\', b'&', ..] => {
                out.push(b'\\');
                out.extend_from_slice(found);
                3
            }
            _ => {
                out.push(b'\\');
                1
            }
        };
        rest = &rest[used..];
    }
    out.extend_from_slice(rest);
}

/// The same with `\0` to `\9` for the groups.
fn put_groups(replacement: &[u8], text: &[u8], groups: &[Option<std::ops::Range<usize>>], out: &mut Vec<u8>) {
    let group = |at: usize| groups.get(at).cloned().flatten().map_or(&[][..], |span| &text[span]);
    let mut rest = replacement;
    while let Some(at) = memchr::memchr2(b'&', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let used = match rest {
            [b'&', ..] => {
                out.extend_from_slice(group(0));
                1
            }
            [b'\\', digit @ b'0'..=b'9', ..] => {
                out.extend_from_slice(group(usize::from(digit - b'0')));
                2
            }
            [b'\\', c @ (b'&' | b'\\'), ..] => {
                out.push(*c);
                2
            }
            _ => {
                out.push(b'\\');
                1
            }
        };
        rest = &rest[used..];
    }
    out.extend_from_slice(rest);
}
