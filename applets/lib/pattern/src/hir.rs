//! A tree in the form of the crates around `regex`.

use regex_automata::meta;
use regex_syntax::hir::{Capture, Class, ClassBytes, ClassBytesRange, Dot, Hir, Look, Repetition};

use super::node::{Node, Place, Set};

/// Most memory that a compiled pattern may take: half of it is what GNU grep takes for the same 3,000 words.
const MOST_BYTES: usize = 32 << 20;

/// Choices while a tree is turned.
#[derive(Clone, Copy)]
pub(crate) struct Turn<'a> {
    /// With its groups.
    pub captures: bool,
    /// Bodies of groups, by number, which stand for back-references.
    pub bodies: &'a [Option<&'a Node>],
}

/// The searcher for a tree: leftmost, first alternative first. None: the pattern is too large for it.
pub(crate) fn searcher(node: &Node, turn: Turn) -> Option<meta::Regex> {
    let config = meta::Config::new().utf8_empty(false).nfa_size_limit(Some(MOST_BYTES));
    meta::Builder::new().configure(config).build_from_hir(&hir(node, turn)).ok()
}

fn hir(node: &Node, turn: Turn) -> Hir {
    match node {
        Node::Empty => Hir::empty(),
        Node::Byte(byte) => Hir::literal([*byte]),
        Node::Set(set) => self::set(set),
        Node::Place(place) => Hir::look(look(*place)),
        Node::Group(number, body) => {
            let body = hir(body, turn);
            match u32::try_from(*number) {
                Ok(index) if turn.captures => Hir::capture(Capture { index, name: None, sub: Box::new(body) }),
                _ => body,
            }
        }
        Node::Sequence(parts) => Hir::concat(parts.iter().map(|part| hir(part, turn)).collect()),
        Node::Choice(parts) => Hir::alternation(parts.iter().map(|part| hir(part, turn)).collect()),
        Node::Repeat { body, least, most } => {
            let sub = Box::new(hir(body, turn));
            Hir::repetition(Repetition { min: *least, max: *most, greedy: true, sub })
        }
        Node::Recall(number) => recall(*number, turn),
    }
}

/// Anything that a back-reference may stand for, and more.
fn recall(number: usize, turn: Turn) -> Hir {
    let body = turn.bodies.get(number).copied().flatten();
    match body {
        // The same text may be elsewhere than at such a place.
        Some(body) if !body.any(&|part| matches!(part, Node::Place(_))) => hir(body, turn),
        _ => Hir::repetition(Repetition { min: 0, max: None, greedy: true, sub: Box::new(Hir::dot(Dot::AnyByte)) }),
    }
}

fn set(set: &Set) -> Hir {
    let chars = Hir::class(Class::Unicode(set.chars.clone()));
    if set.bytes.is_empty() {
        return chars;
    }
    let bytes = ClassBytes::new(set.bytes.iter().map(|byte| ClassBytesRange::new(*byte, *byte)));
    Hir::alternation(vec![chars, Hir::class(Class::Bytes(bytes))])
}

const fn look(place: Place) -> Look {
    match place {
        Place::Start => Look::Start,
        Place::End => Look::End,
        Place::LineStart => Look::StartLF,
        Place::LineEnd => Look::EndLF,
        Place::WordEdge => Look::WordUnicode,
        Place::NoWordEdge => Look::WordUnicodeNegate,
        Place::WordStart => Look::WordStartUnicode,
        Place::WordEnd => Look::WordEndUnicode,
        Place::NotInWordBefore => Look::WordStartHalfUnicode,
        Place::NotInWordAfter => Look::WordEndHalfUnicode,
    }
}
