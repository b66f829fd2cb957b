//! `:s`, and the replacement of what a pattern matches.

use pattern::{Spans, decode, encode};

use crate::buffer::Line;
use crate::editor::{Done, Editor, Stop, Substitution};
use crate::operator::cased;
use crate::range::Words;

impl Editor {
    /// `s/PATTERN/REPLACEMENT/FLAGS` on lines, the first of which is 0.
    pub fn substitute(&mut self, words: &mut Words<'_>, first: usize, last: usize) -> Done {
        words.blanks();
        let delimiter = words.peek();
        if delimiter.is_ascii_punctuation() && !matches!(delimiter, b'"' | b'|' | b'&') {
            words.at += 1;
            let pattern = words.delimited(delimiter);
            let replacement = words.delimited(delimiter);
            self.set_pattern(&pattern, true)?;
            let pattern = self.search.as_ref().map(|search| search.text.clone()).unwrap_or_default();
            self.substitution = Some(Substitution { pattern, replacement });
        }
        words.at = words.at.min(words.text.len());
        let (mut all, mut any_case) = (false, self.settings.ignore_case);
        for flag in words.rest() {
            match flag {
                b'g' => all = true,
                b'i' => any_case = true,
                b'I' => any_case = false,
                b'&' | b' ' | b'\r' => {}
                c => return Err(Stop::Say(format!("the flag {} is not there", char::from(*c)))),
            }
        }
        let substitution = self.substitution.clone().ok_or(Stop::Say("nothing was replaced before".into()))?;
        let kept = std::mem::replace(&mut self.settings.ignore_case, any_case);
        let set = self.set_pattern(&substitution.pattern, true);
        self.settings.ignore_case = kept;
        set?;
        let count = self.replace_all(&substitution, first, last, all)?;
        if count == 0 {
            return Err(Stop::Say(format!("no match: {}", String::from_utf8_lossy(&substitution.pattern))));
        }
        if count > 2 {
            self.message = format!("{count} places replaced");
        }
        Ok(())
    }

    fn replace_all(&mut self, substitution: &Substitution, first: usize, last: usize, all: bool) -> Done<usize> {
        let (mut line, mut end, mut count) = (first, last, 0);
        while line <= end {
            let Some(search) = &self.search else { break };
            let text = self.buffer.line(line);
            let (mut out, mut from, mut here) = (Vec::new(), 0, 0);
            let visited = search.pattern.each_match(text, |spans| {
                if let Some(whole) = spans.first().cloned().flatten() {
                    out.extend_from_slice(&text[from..whole.start]);
                    put(&substitution.replacement, text, spans, &mut out);
                    from = whole.end;
                    here += 1;
                }
                all
            });
            visited.map_err(|e| Stop::Say(e.to_string()))?;
            if here > 0 {
                out.extend_from_slice(&text[from..]);
                let new: Vec<Line> = out.split(|c| *c == b'\r').map(<[u8]>::to_vec).collect();
                let added = new.len() - 1;
                self.buffer.replace(line, 1, new);
                line += added;
                end += added;
                count += here;
                self.go_to_line(line);
            }
            line += 1;
        }
        Ok(count)
    }
}

/// Appends a replacement: `&` and `\0` are the match, `\1` to `\9` the groups, `\r` and `\n` end a line, `\u \l \U \L \E` change
/// case.
fn put(replacement: &[u8], text: &[u8], spans: &Spans, out: &mut Vec<u8>) {
    let (mut once, mut lasting) = (None, None);
    let group = |at: usize| spans.get(at).cloned().flatten().map_or(&[][..], |span| &text[span]);
    let mut at = 0;
    while let Some(&c) = replacement.get(at) {
        at += 1;
        let mut byte = [c];
        let part: &[u8] = match c {
            b'&' => group(0),
            b'\\' => {
                let escaped = replacement.get(at).copied().unwrap_or(b'\\');
                at += 1;
                match escaped {
                    b'0'..=b'9' => group(usize::from(escaped - b'0')),
                    b'r' | b'n' => b"\r",
                    b't' => b"\t",
                    b'u' | b'l' => {
                        once = Some(if escaped == b'u' { 'U' } else { 'u' });
                        continue;
                    }
                    b'U' | b'L' => {
                        lasting = Some(if escaped == b'U' { 'U' } else { 'u' });
                        continue;
                    }
                    b'E' | b'e' => {
                        lasting = None;
                        continue;
                    }
                    _ => {
                        byte[0] = escaped;
                        &byte
                    }
                }
            }
            _ => &byte,
        };
        let mut part = part.to_vec();
        if let Some(how) = lasting {
            part = cased(&part, how);
        }
        if let (Some(how), false) = (once, part.is_empty()) {
            let chars = decode(&part);
            let head = cased(&encode(&chars[..1]), how);
            part = [head, encode(&chars[1..])].concat();
            once = None;
        }
        out.extend(part);
    }
}
