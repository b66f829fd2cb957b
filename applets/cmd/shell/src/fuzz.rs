//! Entry points of `tests/fuzz` for scripts, patterns and expressions as untrusted input. Nothing is executed.

use std::rc::Rc;

use crate::ast::{Arg, Command, Kind, Op, Part, Word};
use crate::expand::{brace, escape};
use crate::matching::Pattern;
use crate::parse::{Parser, Settings};
use crate::shell::Shell;

/// Parses a text to its end, and expands the words that run no command.
pub fn script(bytes: &[u8]) {
    let settings: Rc<Settings> = Rc::default();
    settings.extglob.set(true);
    let mut shell = Shell::new(b"fuzz".to_vec(), true);
    shell.set.noglob = true;
    shell.set.braceexpand = true;
    shell.settings = Rc::clone(&settings);
    let mut parser = Parser::of_text(bytes, &settings, 1);
    while let Ok(Some(items)) = parser.next_command() {
        let commands = items.iter().flat_map(|item| &item.first.commands);
        for word in commands.filter_map(words).flatten().filter(|word| is_harmless(&word.parts)) {
            let _ = shell.expand_words(std::slice::from_ref(word));
        }
    }
    let _ = Parser::of_text(bytes, &settings, 1).whole_text();
    escape::ansi_c(bytes);
    let word = Word::plain(bytes.get(..64).unwrap_or(bytes));
    brace::expand(&word);
}

/// Words of a simple command.
fn words(command: &Command) -> Option<impl Iterator<Item = &Word>> {
    let Kind::Simple(simple) = &command.kind else { return None };
    Some(simple.words.iter().filter_map(|arg| match arg {
        Arg::Word(word) => Some(word),
        Arg::Assign(_) => None,
    }))
}

/// True for parts that run nothing and write no messages in plenty.
fn is_harmless(parts: &[Part]) -> bool {
    parts.iter().all(|part| match part {
        Part::Plain(_) | Part::Quoted(_) => true,
        Part::Double(inner) => is_harmless(inner),
        Part::Param(param) => match &param.op {
            Op::None | Op::Names(_) | Op::Keys(_) => param.bad.is_none() && param.index.is_none() && !param.indirect,
            Op::Trim { pattern, .. } => is_harmless(&pattern.parts),
            Op::Replace { pattern, with, .. } => is_harmless(&pattern.parts) && is_harmless(&with.parts),
            _ => false,
        },
        Part::Command(_) | Part::Arith(_) | Part::Process { .. } => false,
    })
}

/// Matches the first line as a pattern with the rest, and evaluates the text as an expression.
///
/// # Panics
/// The two ways to match say different things.
pub fn pattern(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (first, rest) = bytes.split_at(at);
    let (first, rest) = (first.get(..200).unwrap_or(first), rest.get(..200).unwrap_or(rest));
    let pattern = Pattern::of_text(first, true, false);
    let fits = pattern.matches(rest);
    assert_eq!(fits, pattern.ends(rest).last().copied().unwrap_or(false));
    pattern.longest_at(rest);
    let plain = !bytes.iter().any(|byte| matches!(byte, b'$' | b'`' | b'[' | b'<' | b'>'));
    if plain {
        let mut shell = Shell::new(b"fuzz".to_vec(), true);
        shell.settings.posix.set(true);
        let _ = shell.arith_quiet(bytes.get(..200).unwrap_or(bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts that have something of everything.
    const SEEDS: &[&str] = &[
        "if a; then b | c && d & fi >f 2>&1 <<X\n$a ${b:-`c`} $((d+1))\nX\n",
        "case $x in (a|b*) c;; [!d-f]) e;& *) f;;& esac; for ((i=0;i<3;i++)) { echo {a,b{1..3}}; }",
        "f() { local -n a=$1; [[ $a =~ ^(x|y)+$ && -f \"$b\" ]] || (( a[1] += 2 )); }\na=(1 [3]=x)",
        "echo \"${a[@]:1:2}\" ${b//x\\/y/z} ${!c*} $'\\x41\\u00e9' <(d) >(e) @(f|g) ${h^^[a-z]}",
        "*[[:alpha:]]@(a|!(b)c)?\nabcdefgab",
        "1+2*(3<<4)?a:b,c=5\n",
    ];

    #[test]
    fn damaged_texts_break_nothing() {
        let mut state = 7_u32;
        let mut next = |most: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as usize % most.max(1)
        };
        for round in 0..3000 {
            let mut text = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
            let other = SEEDS[next(SEEDS.len())].as_bytes();
            let (at, from) = (next(text.len()), next(other.len()));
            if round % 3 == 0 {
                text.truncate(at);
                text.extend_from_slice(&other[from..]);
            }
            for _ in 0..=next(4) {
                let at = next(text.len());
                let with = b"'\"`$(){}[]\\|&;<>#*?!=~\n ax0\xff\x80";
                match next(3) {
                    0 => text[at] = with[next(with.len())],
                    1 => text.insert(at, with[next(with.len())]),
                    _ => drop(text.remove(at)),
                }
                if text.is_empty() {
                    text.push(b'a');
                }
            }
            script(&text);
            pattern(&text);
        }
    }
}
