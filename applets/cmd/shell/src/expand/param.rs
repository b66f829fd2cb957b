//! `$x` and `${x…}`.

use super::field::{Fields, Mark};
use crate::ast::{Bytes, Index, Op, Param, Word};
use crate::shell::{Flow, Shell, shown};
use crate::vars::lookup::Got;

impl Shell {
    /// Adds what a parameter's expansion stands for.
    pub(super) fn param(&mut self, param: &Param, fields: &mut Fields, quoted: bool) -> Result<(), Flow> {
        if param.bad.is_some() {
            return self.bad_substitution(param);
        }
        if let Op::Names(each) = param.op {
            let names = self.names_with(&param.name);
            self.add(Got::Many(names, !each), fields, quoted);
            return Ok(());
        }
        if let Op::Keys(each) = param.op {
            let (name, _) = self.resolve(&param.name);
            let keys = self.keys(&name);
            self.add(Got::Many(keys, !each), fields, quoted);
            return Ok(());
        }
        let (name, index) = self.target(param)?;
        let got = match &index {
            Some(index) => self.element(&name, index)?,
            None => self.param_value(&name)?,
        };
        if param.length {
            return self.length(&name, index.as_ref(), &got, fields, quoted);
        }
        if let Op::Test { kind, colon, word } = &param.op {
            let place = (name.as_slice(), index.as_ref());
            return self.tested(place, got, (*kind, *colon, word), fields, quoted);
        }
        self.check_set(&name, index.as_ref(), &got)?;
        let got = self.operate(param, &name, index.as_ref(), got)?;
        self.add(got, fields, quoted);
        Ok(())
    }

    fn bad_substitution<T>(&self, param: &Param) -> Result<T, Flow> {
        if self.bash {
            let text = shown(param.bad.as_deref().unwrap_or_default());
            return self.fail(format!("${{{text}}}: bad substitution"));
        }
        self.fail("syntax error: bad substitution")
    }

    /// The parameter that is meant, an indirection followed.
    fn target(&mut self, param: &Param) -> Result<(Bytes, Option<Index>), Flow> {
        let (name, index) = (param.name.clone(), param.index.clone());
        if !param.indirect {
            return Ok((name, index));
        }
        // Of a reference the indirection is the name that it leads to.
        if self.vars.get(&name).is_some_and(|var| var.nameref) {
            let (target, _) = self.resolve(&name);
            self.vars.set(b"_", target);
            self.last_arg = self.vars.text(b"_").cloned().unwrap_or_default();
            return Ok((b"_".to_vec(), None));
        }
        let got = match &index {
            Some(index) => self.element(&name, index)?,
            None => self.param_value(&name)?,
        };
        let text = match got {
            Got::One(text) => text,
            Got::Many(texts, _) => texts.join(b" ".as_slice()),
            Got::Unset => Bytes::new(),
        };
        if let Some((array, inner)) = crate::vars::lookup::split_subscript(&text) {
            let index = match inner {
                b"@" => Index::All,
                b"*" => Index::Joined,
                _ => Index::At(self.parse_word(inner)),
            };
            return Ok((array.to_vec(), Some(index)));
        }
        if text.is_empty() {
            return self.fail(format!("{}: invalid indirect expansion", shown(&name)));
        }
        Ok((text, None))
    }

    fn names_with(&self, prefix: &[u8]) -> Vec<Bytes> {
        let names = self.vars.iter().filter(|(name, _)| name.starts_with(prefix));
        names.map(|(name, _)| name.clone()).collect()
    }

    fn length(&mut self, name: &[u8], index: Option<&Index>, got: &Got, fields: &mut Fields, quoted: bool) -> Result<(), Flow> {
        self.check_set(name, index, got)?;
        let len = match got {
            Got::Unset => 0,
            Got::One(text) => self.characters(text),
            Got::Many(texts, _) => texts.len(),
        };
        self.add(Got::One(len.to_string().into_bytes()), fields, quoted);
        Ok(())
    }

    /// Number of characters of a text.
    pub fn characters(&self, text: &[u8]) -> usize {
        if self.bytes_only() { text.len() } else { crate::matching::count(text) }
    }

    /// True in the locale C, where each byte is a character.
    pub fn bytes_only(&self) -> bool {
        let set = [b"LC_ALL".as_slice(), b"LC_CTYPE", b"LANG"];
        let first = set.iter().find_map(|name| self.vars.text(name).filter(|t| !t.is_empty()));
        first.is_some_and(|locale| locale == b"C" || locale == b"POSIX")
    }

    /// `set -u`.
    fn check_set(&self, name: &[u8], index: Option<&Index>, got: &Got) -> Result<(), Flow> {
        if !self.set.nounset || *got != Got::Unset || name == b"@" || name == b"*" {
            return Ok(());
        }
        if self.bash {
            let sub = if index.is_some() { "[…]" } else { "" };
            self.complain(None, format!("{}{sub}: unbound variable", shown(name)));
            return Err(Flow::Exit(self.fail_status()).interactive(self));
        }
        self.complain(None, format!("{}: parameter not set", shown(name)));
        Err(Flow::Fail(1))
    }

    /// `-`, `=`, `?` and `+`.
    fn tested(
        &mut self,
        place: (&[u8], Option<&Index>),
        got: Got,
        (kind, colon, word): (u8, bool, &Word),
        fields: &mut Fields,
        quoted: bool,
    ) -> Result<(), Flow> {
        let there = match &got {
            Got::Unset => false,
            Got::One(text) => !(colon && text.is_empty()),
            Got::Many(texts, joined) => {
                let empty = match texts.as_slice() {
                    [] => true,
                    [one] => colon && one.is_empty(),
                    _ => colon && *joined && self.separators().is_empty() && all_empty(texts),
                };
                !empty
            }
        };
        match (kind, there) {
            (b'+', false) => {}
            (b'+', true) | (b'-', false) => self.inner_word(word, fields, quoted)?,
            (b'=', false) => {
                let text = self.inner_text(word, quoted)?;
                self.assign_default(place, text.clone())?;
                self.add(Got::One(text), fields, quoted);
            }
            (b'?', false) => {
                let message = self.inner_text(word, quoted)?;
                let message = match (message.is_empty(), colon) {
                    (false, _) => shown(&message),
                    (true, true) => "parameter not set or null".into(),
                    (true, false) => "parameter not set".into(),
                };
                self.complain(None, format!("{}: {message}", shown(place.0)));
                return Err(Flow::Exit(self.fail_status()).interactive(self));
            }
            _ => self.add(got, fields, quoted),
        }
        Ok(())
    }

    /// Status of a shell that an expansion ends.
    pub fn fail_status(&self) -> i32 {
        if self.bash && self.command_string { 127 } else { 1 }
    }

    fn assign_default(&mut self, place: (&[u8], Option<&Index>), text: Bytes) -> Result<(), Flow> {
        let (name, index) = place;
        if !crate::parse::is_name(name) {
            let what = if self.bash { "cannot assign in this way" } else { "bad variable name" };
            return self.fail(format!("{}: {what}", shown(name)));
        }
        let (name, _) = self.resolve(name);
        let key = match index {
            Some(Index::At(word)) => Some(self.key(&name, word)?),
            _ => None,
        };
        self.put(&name, key, text, false)
    }

    /// The word of a default: it is split where the whole is.
    fn inner_word(&mut self, word: &Word, fields: &mut Fields, quoted: bool) -> Result<(), Flow> {
        if quoted {
            let before = (fields.done.len(), fields.now.len());
            self.parts(&word.parts, fields, true)?;
            if before == (fields.done.len(), fields.now.len()) && word.parts.is_empty() {
                fields.now.push(super::field::Cell(0, Mark::Empty));
            }
            return Ok(());
        }
        let mut inner = Fields::default();
        self.tilde_and_parts(word, &mut inner)?;
        let all = inner.finish();
        let last = all.len().saturating_sub(1);
        for (number, field) in all.into_iter().enumerate() {
            // Text that is written there is split as what comes of an expansion.
            fields.now.extend(field.into_iter().map(|cell| match cell.1 {
                Mark::Plain => super::field::Cell(cell.0, Mark::Split),
                _ => cell,
            }));
            if number < last {
                fields.cut();
            }
        }
        Ok(())
    }

    fn inner_text(&mut self, word: &Word, quoted: bool) -> Result<Bytes, Flow> {
        let mut inner = Fields::single();
        if quoted {
            self.parts(&word.parts, &mut inner, true)?;
        } else {
            self.tilde_and_parts(word, &mut inner)?;
        }
        Ok(super::field::text(&Self::join_fields(inner)))
    }

    /// Adds a value, in one field or several.
    fn add(&self, got: Got, fields: &mut Fields, quoted: bool) {
        let mark = if quoted { Mark::Quoted } else { Mark::Split };
        match got {
            Got::Unset => {}
            Got::One(text) => fields.add(&text, mark),
            Got::Many(texts, joined) if joined && (quoted || fields.single) || fields.single && !self.bash => {
                let ifs = self.vars.text(b"IFS").map_or(b" ".as_slice(), |ifs| {
                    let (_, len) = crate::matching::character(ifs).unwrap_or((0, 0));
                    ifs.get(..len).unwrap_or_default()
                });
                fields.add(&texts.join(ifs), mark);
            }
            Got::Many(texts, _) => {
                let last = texts.len().saturating_sub(1);
                for (number, text) in texts.iter().enumerate() {
                    if quoted && text.is_empty() {
                        fields.now.push(super::field::Cell(0, Mark::Empty));
                    }
                    fields.add(text, mark);
                    if number < last {
                        fields.cut();
                    }
                }
            }
        }
    }
}

impl Flow {
    /// The same, but that a conversation goes on.
    #[must_use]
    pub fn interactive(self, shell: &Shell) -> Self {
        match self {
            Self::Exit(status) if shell.interactive => Self::Fail(status),
            other => other,
        }
    }
}

fn all_empty(texts: &[Bytes]) -> bool {
    texts.iter().all(Vec::is_empty)
}
