//! Files as lines, and lines as numbers: equal ones for lines that count as equal.

use std::collections::HashMap;
use std::ops::Range;

use super::Setting;

/// Bytes at the beginning in which a zero byte makes a file binary.
const LOOKED_AT: usize = 32 << 10;

/// A file that was read.
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    /// Lines without their ends.
    pub(super) lines: Vec<Range<usize>>,
    /// The last line has no end.
    pub(super) open_end: bool,
}

impl Text {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' {
                lines.push(start..at);
                start = at + 1;
            }
        }
        let open_end = start < bytes.len();
        if open_end {
            lines.push(start..bytes.len());
        }
        Self { bytes, lines, open_end }
    }

    pub(super) fn line(&self, at: usize) -> &[u8] {
        self.lines.get(at).map_or(&[], |range| &self.bytes[range.clone()])
    }

    pub(super) fn is_binary(&self) -> bool {
        self.bytes.iter().take(LOOKED_AT).any(|byte| *byte == 0)
    }

    /// Tell if a line is the last one and has no end.
    pub(super) fn is_open(&self, at: usize) -> bool {
        self.open_end && at + 1 == self.lines.len()
    }
}

/// Numbers of the lines of both files.
pub(super) fn numbers(setting: &Setting, first: &Text, second: &Text) -> (Vec<u32>, Vec<u32>) {
    let mut known: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut all = |text: &Text| -> Vec<u32> {
        (0..text.lines.len())
            .map(|at| {
                let mut key = key(setting, text.line(at));
                let blanks = setting.options.ignore_space_change || setting.options.ignore_all_space;
                if text.is_open(at) && !blanks && !setting.options.ignore_trailing_space && !setting.options.ed {
                    // No line that has an end is the same, but for ed, which has no other lines.
                    key.push(b'\n');
                }
                let next = known.len() as u32;
                *known.entry(key).or_insert(next)
            })
            .collect()
    };
    (all(first), all(second))
}

/// Returns the part of a line that counts.
fn key(setting: &Setting, line: &[u8]) -> Vec<u8> {
    let options = &setting.options;
    let line = line.strip_suffix(b"\r").filter(|_| options.strip_trailing_cr).unwrap_or(line);
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let mut key = if options.ignore_all_space {
        line.iter().copied().filter(|byte| !blank(byte)).collect()
    } else if options.ignore_space_change {
        let mut key: Vec<u8> = Vec::with_capacity(line.len());
        for byte in line {
            match (blank(byte), key.last()) {
                (true, Some(b' ')) => {}
                (true, _) => key.push(b' '),
                (false, _) => key.push(*byte),
            }
        }
        if key.last() == Some(&b' ') {
            key.pop();
        }
        key
    } else {
        let mut key = if options.ignore_tab_expansion { expanded(line) } else { line.to_vec() };
        while options.ignore_trailing_space && key.last().is_some_and(blank) {
            key.pop();
        }
        key
    };
    if options.ignore_case {
        key.make_ascii_lowercase();
    }
    key
}

/// A line with blanks for its tabs.
pub(super) fn expanded(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut column = 0;
    for byte in line {
        if *byte == b'\t' {
            let blanks = 8 - column % 8;
            out.extend(std::iter::repeat_n(b' ', blanks));
            column += blanks;
        } else {
            out.push(*byte);
            column += 1;
        }
    }
    out
}
