//! Changes in context form: the lines of both files, one behind the other.

use std::io;

use super::parse::{Hunk, Lines, Sort, bad, pair, trimmed};

/// Lines of one file in context form, each with its mark.
fn half(lines: &mut Lines<'_>, marks: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut all: Vec<(u8, Vec<u8>)> = Vec::new();
    loop {
        let line = lines.peek(0);
        match line {
            [mark, b' ', text @ ..] if marks.contains(mark) => all.push((*mark, text.to_vec())),
            [b'\\', ..] => {
                if let Some((_, last)) = all.last_mut() {
                    last.pop();
                }
            }
            [b'\n'] if !all.is_empty() => all.push((b' ', b"\n".to_vec())),
            _ => return all,
        }
        lines.at += 1;
    }
}

pub(super) fn context(lines: &mut Lines<'_>) -> io::Result<Hunk> {
    lines.at += 1;
    let place = |line: &[u8], mark: &[u8]| -> Option<(usize, Option<usize>)> {
        let text = trimmed(line).strip_prefix(mark)?.strip_suffix(mark.trim_ascii())?;
        pair(text.trim_ascii())
    };
    let head = |line: &[u8], mark: &[u8]| {
        place(line, mark).or_else(|| {
            let end: &[u8] = if mark == b"*** " { b" ****" } else { b" ----" };
            pair(trimmed(line).strip_prefix(mark)?.strip_suffix(end)?)
        })
    };
    let old = head(lines.peek(0), b"*** ").ok_or_else(|| bad(lines, "the place of a change"))?;
    lines.at += 1;
    let mut left = half(lines, b" -!");
    let new = head(lines.peek(0), b"--- ").ok_or_else(|| bad(lines, "the place of a change"))?;
    lines.at += 1;
    let mut right = half(lines, b" +!");
    // A file of which nothing changes is left out: its lines are those around.
    let around = |other: &[(u8, Vec<u8>)]| other.iter().filter(|(mark, _)| *mark == b' ').cloned().collect::<Vec<_>>();
    if left.is_empty() {
        left = around(&right);
    }
    if right.is_empty() {
        right = around(&left);
    }
    let mut hunk = Hunk { old: old.0, new: new.0, lines: Vec::new() };
    let (mut a, mut b) = (left.into_iter().peekable(), right.into_iter().peekable());
    while a.peek().is_some() || b.peek().is_some() {
        while let Some((_, line)) = a.next_if(|(mark, _)| *mark != b' ') {
            hunk.lines.push((Sort::Old, line));
        }
        while let Some((_, line)) = b.next_if(|(mark, _)| *mark != b' ') {
            hunk.lines.push((Sort::New, line));
        }
        match (a.next(), b.next()) {
            (Some((_, line)), Some(_)) => hunk.lines.push((Sort::Both, line)),
            (None, None) => {}
            _ => return Err(bad(lines, "the lines around a change do not agree")),
        }
    }
    // A place without lines names the line before.
    if hunk.side(Sort::Old).is_empty() && old.1.is_none() {
        hunk.old = old.0;
    }
    Ok(hunk)
}
