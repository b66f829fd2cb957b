//! Flattened device trees, version 17: nodes with properties, in one piece. After the Devicetree Specification 0.4, chapter 5.
//!
//! U-Boot's boot images are such trees, with whole files as properties.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

const MAGIC: u32 = 0xd00d_feed;
const VERSION: u32 = 17;
/// The oldest version whose readers understand it.
const COMPATIBLE: u32 = 16;
const HEADER: usize = 40;
/// An entry of the table of reserved memory, which ends with one of zeroes.
const RESERVED: usize = 16;
/// Tokens.
const BEGIN: u32 = 1;
const END: u32 = 2;
const PROPERTY: u32 = 3;
const NOP: u32 = 4;
const FINISH: u32 = 9;
/// More than this no tree has that anybody means: a real machine's has some hundreds of nodes, eight deep.
const DEEPEST: usize = 16;
const MOST: usize = 16_384;

/// Reason why bytes are no tree, or a tree can't be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// It does not begin as one, or is of a version that nobody writes any more.
    NoTree,
    /// It ends too early, or an offset in it points outside.
    Damaged,
    /// Too many nodes and properties, too deep, or more than 4 GiB.
    TooLarge,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoTree => "this is no flattened device tree",
            Self::Damaged => "the device tree is damaged",
            Self::TooLarge => "the device tree is too large",
        })
    }
}

impl core::error::Error for Error {}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node<'a> {
    /// Its name; the root's is empty.
    pub name: Cow<'a, str>,
    /// Names and values, in order.
    pub properties: Vec<(Cow<'a, str>, Cow<'a, [u8]>)>,
    /// Nodes below it, in order.
    pub nodes: Vec<Self>,
}

impl<'a> Node<'a> {
    /// An empty one.
    pub fn new(name: impl Into<Cow<'a, str>>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The same with these bytes as a property.
    #[must_use]
    pub fn bytes(mut self, name: &'a str, value: impl Into<Cow<'a, [u8]>>) -> Self {
        self.properties.push((name.into(), value.into()));
        self
    }

    /// The same with a text, which has a zero behind it.
    #[must_use]
    pub fn text(self, name: &'a str, value: &str) -> Self {
        let bytes: Vec<u8> = value.bytes().chain([0]).collect();
        self.bytes(name, bytes)
    }

    /// The same with a number.
    #[must_use]
    pub fn number(self, name: &'a str, value: u32) -> Self {
        self.bytes(name, value.to_be_bytes().to_vec())
    }

    /// The same with a node below it.
    #[must_use]
    pub fn with(mut self, node: Self) -> Self {
        self.nodes.push(node);
        self
    }

    /// The node of that name below this one.
    pub fn node(&self, name: &str) -> Option<&Self> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// A property's value.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.properties.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    /// A property that is one text.
    pub fn string(&self, name: &str) -> Option<&str> {
        let (zero, text) = self.value(name)?.split_last()?;
        core::str::from_utf8(text).ok().filter(|text| *zero == 0 && !text.contains('\0'))
    }
}

/// The tree's bytes.
pub fn write(root: &Node<'_>) -> Result<Vec<u8>, Error> {
    write_reserving(root, &[])
}

/// The same with pieces of memory, address and length, that nobody may take.
pub fn write_reserving(root: &Node<'_>, pieces: &[(u64, u64)]) -> Result<Vec<u8>, Error> {
    let mut out = Writer::default();
    out.node(root);
    out.word(FINISH);
    let structure = HEADER + (pieces.len() + 1) * RESERVED;
    let strings = structure + out.structure.len();
    let total = strings + out.strings.len();
    let size = |len: usize| u32::try_from(len).map_err(|_| Error::TooLarge);
    let header = [
        MAGIC,
        size(total)?,
        size(structure)?,
        size(strings)?,
        size(HEADER)?,
        VERSION,
        COMPATIBLE,
        0,
        size(out.strings.len())?,
        size(out.structure.len())?,
    ];
    let mut bytes = Vec::with_capacity(total);
    bytes.extend(header.iter().flat_map(|word| word.to_be_bytes()));
    bytes.extend(pieces.iter().flat_map(|(at, len)| [at.to_be_bytes(), len.to_be_bytes()]).flatten());
    bytes.resize(structure, 0);
    bytes.extend(out.structure);
    bytes.extend(out.strings);
    Ok(bytes)
}

#[derive(Default)]
struct Writer {
    structure: Vec<u8>,
    strings: Vec<u8>,
}

impl Writer {
    fn word(&mut self, word: u32) {
        self.structure.extend(word.to_be_bytes());
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.structure.extend_from_slice(bytes);
        self.structure.resize(self.structure.len().next_multiple_of(4), 0);
    }

    fn node(&mut self, node: &Node<'_>) {
        self.word(BEGIN);
        self.padded(&[node.name.as_bytes(), &[0]].concat());
        for (name, value) in &node.properties {
            let place = self.string(name);
            self.word(PROPERTY);
            // A tree that is too long is refused as a whole, by its header.
            self.word(value.len() as u32);
            self.word(place);
            self.padded(value);
        }
        for below in &node.nodes {
            self.node(below);
        }
        self.word(END);
    }

    /// Returns the position of a property's name; each is kept once.
    fn string(&mut self, name: &str) -> u32 {
        let wanted = [name.as_bytes(), &[0]].concat();
        let whole = |at: usize| at == 0 || self.strings[at - 1] == 0;
        let found = (0..self.strings.len()).find(|at| whole(*at) && self.strings[*at..].starts_with(&wanted));
        found.unwrap_or_else(|| {
            self.strings.extend(&wanted);
            self.strings.len() - wanted.len()
        }) as u32
    }
}

/// The tree in these bytes; what lies behind its own length is not looked at.
pub fn parse(bytes: &[u8]) -> Result<Node<'_>, Error> {
    let field = |index: usize| word_at(bytes, index * 4);
    if field(0) != Ok(MAGIC) || field(6)? > VERSION || field(5)? < VERSION {
        return Err(Error::NoTree);
    }
    let bytes = bytes.get(..field(1)? as usize).ok_or(Error::Damaged)?;
    let part = |at: u32, len: u32| bytes.get(at as usize..)?.get(..len as usize);
    let structure = part(field(2)?, field(9)?).ok_or(Error::Damaged)?;
    let strings = part(field(3)?, field(8)?).ok_or(Error::Damaged)?;
    let mut reader = Reader { structure, strings, at: 0, left: MOST };
    if reader.token()? != BEGIN {
        return Err(Error::Damaged);
    }
    let root = reader.node(DEEPEST)?;
    if reader.token()? == FINISH { Ok(root) } else { Err(Error::Damaged) }
}

/// The pieces of memory, address and length, that a tree's table reserves.
pub fn reserved(bytes: &[u8]) -> Result<Vec<(u64, u64)>, Error> {
    let mut at = word_at(bytes, 4 * 4)? as usize;
    let mut pieces = Vec::new();
    let long = |at: usize| Ok(u64::from(word_at(bytes, at)?) << 32 | u64::from(word_at(bytes, at + 4)?));
    while pieces.len() < MOST {
        match (long(at)?, long(at + 8)?) {
            (0, 0) => return Ok(pieces),
            piece => pieces.push(piece),
        }
        at += RESERVED;
    }
    Err(Error::TooLarge)
}

struct Reader<'a> {
    structure: &'a [u8],
    strings: &'a [u8],
    at: usize,
    /// Nodes and properties that may come still.
    left: usize,
}

impl<'a> Reader<'a> {
    fn word(&mut self) -> Result<u32, Error> {
        let word = word_at(self.structure, self.at)?;
        self.at += 4;
        Ok(word)
    }

    /// The next token that says something.
    fn token(&mut self) -> Result<u32, Error> {
        loop {
            match self.word()? {
                NOP => {}
                token => return Ok(token),
            }
        }
    }

    fn skip(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let bytes = self.structure.get(self.at..).and_then(|rest| rest.get(..len)).ok_or(Error::Damaged)?;
        self.at = (self.at + len).next_multiple_of(4);
        Ok(bytes)
    }

    fn node(&mut self, depth: usize) -> Result<Node<'a>, Error> {
        let rest = self.structure.get(self.at..).ok_or(Error::Damaged)?;
        let name = text(rest)?;
        self.skip(name.len() + 1)?;
        let mut node = Node::new(name);
        loop {
            let token = self.token()?;
            if token == END {
                return Ok(node);
            }
            self.left = self.left.checked_sub(1).ok_or(Error::TooLarge)?;
            match token {
                PROPERTY => {
                    let (len, place) = (self.word()? as usize, self.word()? as usize);
                    let name = text(self.strings.get(place..).ok_or(Error::Damaged)?)?;
                    node.properties.push((name.into(), self.skip(len)?.into()));
                }
                BEGIN if depth == 0 => return Err(Error::TooLarge),
                BEGIN => node.nodes.push(self.node(depth - 1)?),
                _ => return Err(Error::Damaged),
            }
        }
    }
}

/// A text that ends with a zero.
fn text(bytes: &[u8]) -> Result<&str, Error> {
    let end = bytes.iter().position(|byte| *byte == 0).ok_or(Error::Damaged)?;
    core::str::from_utf8(&bytes[..end]).map_err(|_| Error::Damaged)
}

fn word_at(bytes: &[u8], at: usize) -> Result<u32, Error> {
    let four = bytes.get(at..).and_then(|rest| rest.get(..4)).ok_or(Error::Damaged)?;
    Ok(u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn tree() -> Node<'static> {
        let below = Node::new("images").with(Node::new("kernel").text("type", "kernel").bytes("data", vec![7; 13]));
        Node::new("").text("description", "a tree").number("timestamp", 5).with(below).with(Node::new("chosen").text("type", ""))
    }

    #[test]
    fn what_went_in_comes_out() {
        let bytes = write(&tree()).unwrap();
        assert_eq!(bytes.len() as u32, word_at(&bytes, 4).unwrap());
        let back = parse(&bytes).unwrap();
        assert_eq!(back, tree());
        let kernel = back.node("images").and_then(|images| images.node("kernel")).unwrap();
        assert_eq!((kernel.string("type"), kernel.value("data")), (Some("kernel"), Some([7; 13].as_slice())));
        assert_eq!((back.string("timestamp"), back.value("none"), back.node("none")), (None, None, None));
        // A name is kept once, and no name's end is taken for another name.
        assert_eq!(bytes.windows(5).filter(|part| part == b"type\0").count(), 1);
        let two = Node::new("").number("xtype", 1).number("type", 2);
        assert_eq!(parse(&write(&two).unwrap()).unwrap(), two);
    }

    #[test]
    fn reserved_memory_is_kept() {
        let pieces = [(0, 0x1000), (0x1_2345_6789_a000, 7)];
        let bytes = write_reserving(&tree(), &pieces).unwrap();
        assert_eq!(reserved(&bytes).unwrap(), pieces);
        assert_eq!(parse(&bytes).unwrap(), tree());
        assert_eq!(reserved(&write(&tree()).unwrap()).unwrap(), []);
        assert_eq!(reserved(&bytes[..60]), Err(Error::Damaged));
    }

    #[test]
    fn damaged_trees_are_refused() {
        let whole = write(&tree()).unwrap();
        for len in 0..whole.len() {
            assert!(parse(&whole[..len]).is_err(), "{len} bytes");
        }
        for at in 0..whole.len() {
            let mut wild = whole.clone();
            wild[at] ^= 0xff;
            let _ = parse(&wild);
        }
        assert_eq!(parse(b"\x7fELF"), Err(Error::NoTree));
        let deep = (0..20).fold(Node::new("x"), |node, _| Node::new("x").with(node));
        assert_eq!(parse(&write(&deep).unwrap()), Err(Error::TooLarge));
        let wide = Node { properties: vec![("x".into(), Cow::default()); MOST + 1], ..Node::new("") };
        assert_eq!(parse(&write(&wide).unwrap()), Err(Error::TooLarge));
    }
}
