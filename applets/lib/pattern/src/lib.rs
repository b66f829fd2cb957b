//! POSIX regular expressions, basic and extended with GNU's additions, over any bytes.
//!
//! Of several matches POSIX takes the one that begins first, and of those the longest. The crates around `regex` find where it
//! begins, and, where the first match that they find is the longest, the rest. Otherwise, and for back-references, an engine of
//! our own does ([`machine`]). Lists of plain texts are looked for by an Aho-Corasick automaton ([`words`]).

mod bracket;
mod bytes;
mod class;
mod grammar;
mod hir;
mod machine;
mod node;
mod parse;
mod program;
mod words;

use std::cell::{OnceCell, RefCell};
use std::fmt::{self, Debug, Formatter};
use std::ops::Range;

use kit::{Error, Result};
use regex_automata::meta;

use bytes::next_char;
pub use bytes::{decode, encode};
use hir::{Turn, searcher};
use machine::{Memory, NOWHERE, TooMany};
use node::{Node, Place};
use program::Program;
use words::Words;

/// Language of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `\(`, `\{`, `\|`, `\+`, `\?` are operators.
    Basic,
    /// `(`, `{`, `|`, `+`, `?` are operators.
    Extended,
    /// `\(`, `\|`, `+`, `?` are operators; there are no intervals and no classes by name: that of `find -regex`.
    Emacs,
    /// No operators at all.
    Fixed,
}

/// Meaning of a pattern's characters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meaning {
    /// Letters of either case.
    pub any_case: bool,
    /// `^` and `$` match at each line, not only at the ends; `.` and `[^x]` match no end of line.
    pub lines: bool,
    /// Operators that make no sense where they stand are characters or nothing, as for grep and awk, and no error.
    pub lenient: bool,
}

/// Places at which a match may lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Extent {
    /// Anywhere.
    #[default]
    Anywhere,
    /// Between places at which no word goes on.
    Words,
    /// From the start of the text to its end.
    Lines,
    /// From the start of the text.
    Start,
}

/// A pattern, ready to search with.
pub struct Pattern {
    engine: Engine,
    groups: usize,
    memory: RefCell<Memory>,
}

#[expect(clippy::large_enum_variant, reason = "a command has a handful of them")]
enum Engine {
    /// Plain texts.
    Words(Words),
    /// The first match that is found is the longest.
    First(meta::Regex),
    /// The searcher finds where a match begins, at least where none does before; the machine the match itself.
    Longest {
        searcher: Option<meta::Regex>,
        /// A place that it finds may be none of a match.
        loose: bool,
        machine: Machine,
        /// For whole words: what matches without regard to words. GNU takes an empty match only where that is the longest one.
        inner: Option<Machine>,
    },
}

/// A tree and, once it is needed, its program.
struct Machine {
    node: Node,
    groups: usize,
    any_case: bool,
    program: OnceCell<Result<Program, String>>,
}

/// Places of a match and of its groups, in bytes.
pub type Spans = Vec<Option<Range<usize>>>;

/// The pattern, ready to search with.
///
/// # Errors
/// It is wrong, or too large.
pub fn compile(pattern: &[u8], syntax: Syntax, meaning: Meaning) -> Result<Pattern> {
    compile_chars(&decode(pattern), syntax, meaning)
}

/// The same for characters of [`decode`].
///
/// # Errors
/// It is wrong, or too large.
pub fn compile_chars(pattern: &[char], syntax: Syntax, meaning: Meaning) -> Result<Pattern> {
    compile_list(&[pattern.to_vec()], syntax, meaning, Extent::Anywhere)
}

/// Any of several patterns. No pattern at all matches nothing.
///
/// # Errors
/// One is wrong, or they are too large.
pub fn compile_list(patterns: &[Vec<char>], syntax: Syntax, meaning: Meaning, extent: Extent) -> Result<Pattern> {
    let engine = |engine, groups| Pattern { engine, groups, memory: RefCell::default() };
    let is_plain = |pattern: &Vec<char>| is_plain(pattern, syntax) && (!meaning.any_case || pattern.iter().all(char::is_ascii));
    if patterns.len() != 1 && extent != Extent::Start && patterns.iter().all(is_plain) {
        let words: Vec<Vec<u8>> = patterns.iter().map(|pattern| encode(pattern)).collect();
        let words = Words::new(&words, extent, meaning.any_case).map_err(Error::usage)?;
        return Ok(engine(Engine::Words(words), 0));
    }
    let (mut groups, mut nodes) = (0, Vec::with_capacity(patterns.len()));
    for pattern in patterns {
        let wrong = |e| Error::usage(format!("read the pattern {}: {e}", String::from_utf8_lossy(&encode(pattern))));
        let (node, count) = parse::parse(pattern, syntax, meaning, groups).map_err(wrong)?;
        groups = count;
        nodes.push(node);
    }
    let node = if nodes.len() == 1 { nodes.remove(0) } else { Node::Choice(nodes) };
    let inner = (extent == Extent::Words && node.may_be_empty()).then(|| node.clone());
    let node = match extent {
        Extent::Anywhere => node,
        Extent::Words => bounded(Place::NotInWordBefore, node, Place::NotInWordAfter),
        Extent::Lines => bounded(Place::Start, node, Place::End),
        Extent::Start => Node::Sequence(vec![Node::Place(Place::Start), node]),
    };
    Ok(engine(choose(node, groups, inner, meaning.any_case), groups))
}

fn bounded(before: Place, node: Node, after: Place) -> Node {
    Node::Sequence(vec![Node::Place(before), node, Node::Place(after)])
}

/// Tell if no character of a pattern is an operator.
fn is_plain(pattern: &[char], syntax: Syntax) -> bool {
    let operators = match syntax {
        Syntax::Fixed => return true,
        Syntax::Basic => "\\.[*^$",
        Syntax::Extended | Syntax::Emacs => "\\.[*^$+?(){}|",
    };
    !pattern.iter().any(|c| operators.contains(*c))
}

/// The engine whose answer is right.
fn choose(node: Node, groups: usize, inner: Option<Node>, any_case: bool) -> Engine {
    let recalls = node.any(&|part| matches!(part, Node::Recall(_)));
    if !recalls && inner.is_none() && !node.is_ambiguous() && !is_long(&node) {
        let turn = Turn { captures: groups > 0, bodies: &[] };
        if let Some(searcher) = searcher(&node, turn) {
            return Engine::First(searcher);
        }
    }
    let mut bodies = vec![None; groups + 1];
    if recalls {
        gather(&node, &mut bodies);
    }
    let searcher = if is_long(&node) { None } else { searcher(&node, Turn { captures: false, bodies: &bodies }) };
    let machine = |node| Machine { node, groups, any_case, program: OnceCell::new() };
    let loose = recalls || inner.is_some();
    Engine::Longest { searcher, loose, machine: machine(node), inner: inner.map(machine) }
}

/// Tell if a pattern asks for thousands of repetitions, as `a{20000}`: the machine walks along them, the searcher is in all
/// of them at once.
fn is_long(node: &Node) -> bool {
    let fits =
        |part: &Node| matches!(part, Node::Repeat { least, most, .. } if *least > 2000 && most.is_none_or(|most| most == *least));
    node.any(&fits)
}

/// The bodies of all groups.
fn gather<'a>(node: &'a Node, bodies: &mut [Option<&'a Node>]) {
    match node {
        Node::Group(number, body) => {
            bodies[*number] = Some(body);
            gather(body, bodies);
        }
        Node::Repeat { body, .. } => gather(body, bodies),
        Node::Sequence(parts) | Node::Choice(parts) => parts.iter().for_each(|part| gather(part, bodies)),
        _ => {}
    }
}

impl Machine {
    fn program(&self) -> Result<&Program> {
        let program = self.program.get_or_init(|| program::compile(&self.node, self.groups, self.any_case));
        program.as_ref().map_err(|e| Error::usage(e.as_str()))
    }
}

impl Pattern {
    /// Number of groups.
    pub const fn groups(&self) -> usize {
        self.groups
    }

    /// Tell if there is a match.
    ///
    /// # Errors
    /// A pattern with back-references takes too many steps.
    pub fn is_match(&self, text: &[u8]) -> Result<bool> {
        match &self.engine {
            Engine::Words(words) => Ok(words.is_match(text)),
            Engine::First(regex) | Engine::Longest { searcher: Some(regex), loose: false, .. } => Ok(regex.is_match(text)),
            Engine::Longest { .. } => Ok(self.captures_at(text, 0)?.is_some()),
        }
    }

    /// The longest match of those that begin first, from `at` on.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn find_at(&self, text: &[u8], at: usize) -> Result<Option<Range<usize>>> {
        match &self.engine {
            Engine::Words(words) => Ok(words.find(text, at)),
            Engine::First(regex) => Ok(regex.find(meta_input(text, at)).map(|found| found.range())),
            Engine::Longest { .. } => Ok(self.captures_at(text, at)?.and_then(|spans| spans.into_iter().next().flatten())),
        }
    }

    /// The same with the groups; the match itself is the first.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn captures_at(&self, text: &[u8], at: usize) -> Result<Option<Spans>> {
        match &self.engine {
            Engine::First(regex) if self.groups > 0 => {
                let mut found = regex.create_captures();
                regex.captures(meta_input(text, at), &mut found);
                let span = |group| found.get_group(group).map(|span| span.range());
                Ok(found.is_match().then(|| (0..=self.groups).map(span).collect()))
            }
            Engine::Longest { .. } => {
                let found = self.longest(text, at)?;
                Ok(found.map(|places| spans(&places[..(self.groups + 1) * 2])))
            }
            _ => Ok(self.find_at(text, at)?.map(|span| vec![Some(span)])),
        }
    }

    /// Search with the machine, from where the searcher says.
    fn longest(&self, text: &[u8], at: usize) -> Result<Option<Vec<usize>>> {
        let Engine::Longest { searcher, loose, machine, inner } = &self.engine else { return Ok(None) };
        let mut memory = self.memory.borrow_mut();
        let memory = &mut *memory;
        if let (None, None) = (searcher, inner) {
            let found = machine.program()?.search(text, at, memory);
            return found.map(|found| found.map(<[usize]>::to_vec)).map_err(too_many);
        }
        let mut at = at;
        while at <= text.len() {
            let start = match searcher {
                Some(searcher) => searcher.find(meta_input(text, at)).map(|found| found.start()),
                None => Some(at),
            };
            let Some(start) = start else { return Ok(None) };
            let found = machine.program()?.longest(text, start, memory).map_err(too_many)?.map(<[usize]>::to_vec);
            match (found, inner) {
                (Some(places), Some(inner)) if places[0] == places[1] => {
                    let longest = inner.program()?.longest(text, start, memory).map_err(too_many)?;
                    if longest.is_none_or(|longest| longest[0] == longest[1]) {
                        return Ok(Some(places));
                    }
                }
                (Some(places), _) => return Ok(Some(places)),
                (None, _) if !loose => return Ok(None),
                (None, _) => {}
            }
            at = next_char(text, start);
        }
        Ok(None)
    }

    /// Matches one after another, none overlapping and no empty one directly behind another, from the start on.
    /// `each` returns false to end.
    ///
    /// # Errors
    /// As [`Self::is_match`].
    pub fn each_match(&self, text: &[u8], mut each: impl FnMut(&Spans) -> bool) -> Result<()> {
        let (mut at, mut last_end) = (0, None);
        while at <= text.len() {
            let Some(spans) = self.captures_at(text, at)? else { break };
            let Some(whole) = spans.first().cloned().flatten() else { break };
            if whole.is_empty() && Some(whole.end) == last_end {
                at = next_char(text, whole.end);
                continue;
            }
            if !each(&spans) {
                break;
            }
            at = if whole.is_empty() { next_char(text, whole.end) } else { whole.end };
            last_end = Some(whole.end);
        }
        Ok(())
    }
}

fn meta_input(text: &[u8], at: usize) -> regex_automata::Input<'_> {
    regex_automata::Input::new(text).range(at.min(text.len())..)
}

fn spans(places: &[usize]) -> Spans {
    let span = |pair: &[usize]| match pair {
        [start, end] if *start != NOWHERE && *end != NOWHERE => Some(*start..*end),
        _ => None,
    };
    places.chunks(2).map(span).collect()
}

fn too_many(_: TooMany) -> Error {
    Error::new("search for the pattern: it takes too many steps")
}

impl Debug for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pattern").field("groups", &self.groups).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
