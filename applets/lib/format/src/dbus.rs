//! D-Bus messages (D-Bus Specification 0.43) and the lines of its handshake, as far as a bus needs them that offers a few methods.
//!
//! Input is bounded in length before it is read; texts are checked, and header fields that nobody
//! knows are skipped.

use alloc::string::String;
use alloc::vec::Vec;

/// Bytes at a message's beginning that tell its length.
pub const HEAD: usize = 16;
/// The longest message that is taken, in bytes. The protocol allows 128 MiB; calls with a few short texts need some hundred bytes.
pub const LONGEST: usize = 16 << 10;

/// The flag of a call whose answer nobody waits for.
const NO_REPLY: u8 = 1;
/// The version of the protocol.
const VERSION: u8 = 1;

/// The header's fields that are used here.
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SENDER: u8 = 7;
const SIGNATURE: u8 = 8;
const UNIX_FDS: u8 = 9;

/// Kinds of messages.
const CALL: u8 = 1;
const RETURN: u8 = 2;
const ERROR: u8 = 3;
const SIGNAL: u8 = 4;

/// Bytes that are no message, or one that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// A call of a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its number, which the answer repeats.
    pub serial: u32,
    /// True if the caller waits for an answer.
    pub answered: bool,
    /// The object.
    pub path: String,
    /// The interface; empty when it is not given.
    pub interface: String,
    /// The method.
    pub member: String,
    /// The texts at the beginning of its arguments.
    pub texts: Vec<String>,
    /// The types of all its arguments.
    pub signature: String,
}

/// A value in an answer or a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// Yes or no.
    Flag(bool),
    /// The descriptor of that number among those that go along.
    Handle(u32),
    /// A variant that holds a 64-bit number.
    Number(u64),
}

/// The length in bytes of the message that begins with these, once [`HEAD`] of them are there.
///
/// # Errors
/// It is no message, or longer than [`LONGEST`].
pub fn length(head: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(order) = head.first() else { return Ok(None) };
    let mut reader = Reader::of(*order, head)?;
    if head.len() < HEAD {
        return Ok(None);
    }
    reader.skip(4)?;
    let (body, _, fields) = (reader.number()?, reader.number()?, reader.number()?);
    let longest = LONGEST as u64;
    let all = u64::from(fields).next_multiple_of(8) + u64::from(body) + HEAD as u64;
    if all > longest { Err(Malformed) } else { Ok(Some(all as usize)) }
}

impl Call {
    /// Read a whole message; none when it is something else than a call, which a bus may ignore.
    ///
    /// # Errors
    /// It is no message, or a call that names no object or method.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        if length(bytes)? != Some(bytes.len()) {
            return Err(Malformed);
        }
        let mut reader = Reader::of(bytes.first().copied().unwrap_or_default(), bytes)?;
        reader.skip(1)?;
        let (kind, flags, version) = (reader.byte()?, reader.byte()?, reader.byte()?);
        let (body, serial) = (reader.number()? as usize, reader.number()?);
        let fields = reader.number()? as usize;
        if version != VERSION || serial == 0 || kind == 0 {
            return Err(Malformed);
        }
        let mut call = Self {
            serial,
            answered: flags & NO_REPLY == 0,
            path: String::new(),
            interface: String::new(),
            member: String::new(),
            texts: Vec::new(),
            signature: String::new(),
        };
        let end = HEAD.checked_add(fields).ok_or(Malformed)?;
        while reader.at < end {
            call.field(&mut reader)?;
        }
        if kind != CALL {
            return Ok(None);
        }
        if reader.at != end || call.path.is_empty() || call.member.is_empty() {
            return Err(Malformed);
        }
        reader.align(8)?;
        if bytes.len() - reader.at != body || call.signature.is_empty() != (body == 0) {
            return Err(Malformed);
        }
        for _ in call.signature.bytes().take_while(|kind| *kind == b's') {
            call.texts.push(reader.text()?);
        }
        Ok(Some(call))
    }

    /// Read a field of the header: its number, and a variant.
    fn field(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.align(8)?;
        let (number, signature) = (reader.byte()?, reader.signature()?);
        match (number, signature.as_str()) {
            (PATH, "o") => self.path = reader.text()?,
            (INTERFACE, "s") => self.interface = reader.text()?,
            (MEMBER, "s") => self.member = reader.text()?,
            (SIGNATURE, "g") => self.signature = reader.signature()?,
            (0 | PATH | INTERFACE | MEMBER | SIGNATURE, _) => return Err(Malformed),
            (_, "s" | "o") => drop(reader.text()?),
            (_, "g") => drop(reader.signature()?),
            (_, "y") => reader.skip(1)?,
            (_, "n" | "q") => reader.aligned(2)?,
            (_, "u" | "i" | "b" | "h") => reader.aligned(4)?,
            (_, "t" | "x" | "d") => reader.aligned(8)?,
            // Nobody has defined a field of a compound type.
            _ => return Err(Malformed),
        }
        Ok(())
    }

    /// The answer, as message number `serial` of the sender; `descriptors` go along.
    pub fn answer(&self, serial: u32, values: &[Value<'_>], descriptors: u32) -> Vec<u8> {
        let mut fields = Writer::default();
        fields.number_field(REPLY_SERIAL, self.serial);
        if descriptors > 0 {
            fields.number_field(UNIX_FDS, descriptors);
        }
        message(RETURN, serial, fields, values)
    }

    /// The answer that it can't be done: an error's name, and a sentence.
    pub fn refuse(&self, serial: u32, name: &str, why: &str) -> Vec<u8> {
        let mut fields = Writer::default();
        fields.text_field(ERROR_NAME, b's', name);
        fields.number_field(REPLY_SERIAL, self.serial);
        message(ERROR, serial, fields, &[Value::Text(why)])
    }
}

/// A signal of an object, as message number `serial` of the sender, who has that unique name.
pub fn signal(serial: u32, sender: &str, [path, interface, member]: [&str; 3], values: &[Value<'_>]) -> Vec<u8> {
    let mut fields = Writer::default();
    fields.text_field(PATH, b'o', path);
    fields.text_field(INTERFACE, b's', interface);
    fields.text_field(MEMBER, b's', member);
    fields.text_field(SENDER, b's', sender);
    message(SIGNAL, serial, fields, values)
}

/// A call of a method, as a client makes it: for tests.
pub fn call(serial: u32, destination: &str, [path, interface, member]: [&str; 3], values: &[Value<'_>]) -> Vec<u8> {
    let mut fields = Writer::default();
    fields.text_field(PATH, b'o', path);
    fields.text_field(DESTINATION, b's', destination);
    fields.text_field(INTERFACE, b's', interface);
    fields.text_field(MEMBER, b's', member);
    message(CALL, serial, fields, values)
}

fn message(kind: u8, serial: u32, mut fields: Writer, values: &[Value<'_>]) -> Vec<u8> {
    let mut body = Writer::default();
    for value in values {
        body.value(*value);
    }
    if !values.is_empty() {
        let types: String = values.iter().map(|value| value.kind()).collect();
        fields.head(SIGNATURE, b'g');
        fields.signature(&types);
    }
    let mut out = Writer::default();
    out.0.extend([b'l', kind, 0, VERSION]);
    out.number(body.0.len() as u32);
    out.number(serial);
    out.number(fields.0.len() as u32);
    out.0.extend(fields.0);
    out.align(8);
    out.0.extend(body.0);
    out.0
}

/// Reads a message's values; each is aligned to its size, counted from the message's beginning.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    little: bool,
}

impl<'a> Reader<'a> {
    const fn of(order: u8, bytes: &'a [u8]) -> Result<Self, Malformed> {
        match order {
            b'l' | b'B' => Ok(Self { bytes, at: 0, little: order == b'l' }),
            _ => Err(Malformed),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let end = self.at.checked_add(count).ok_or(Malformed)?;
        let taken = self.bytes.get(self.at..end).ok_or(Malformed)?;
        self.at = end;
        Ok(taken)
    }

    fn skip(&mut self, count: usize) -> Result<(), Malformed> {
        self.take(count).map(drop)
    }

    fn align(&mut self, size: usize) -> Result<(), Malformed> {
        self.skip(self.at.next_multiple_of(size) - self.at)
    }

    /// Skip a value of that size.
    fn aligned(&mut self, size: usize) -> Result<(), Malformed> {
        self.align(size)?;
        self.skip(size)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.take(1)?.first().copied().ok_or(Malformed)
    }

    fn number(&mut self) -> Result<u32, Malformed> {
        self.align(4)?;
        let bytes = self.take(4)?.try_into().map_err(|_| Malformed)?;
        Ok(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn text(&mut self) -> Result<String, Malformed> {
        let len = self.number()? as usize;
        self.ended(len)
    }

    fn signature(&mut self) -> Result<String, Malformed> {
        let len = self.byte()?.into();
        self.ended(len)
    }

    /// A text of that length with a zero behind it and none in it.
    fn ended(&mut self, len: usize) -> Result<String, Malformed> {
        let text = core::str::from_utf8(self.take(len)?).map_err(|_| Malformed)?;
        if self.byte()? == 0 && !text.contains('\0') { Ok(text.into()) } else { Err(Malformed) }
    }
}

/// Writes values, little end first, into a part of a message that begins at a multiple of eight bytes.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn align(&mut self, size: usize) {
        self.0.resize(self.0.len().next_multiple_of(size), 0);
    }

    fn number(&mut self, number: u32) {
        self.align(4);
        self.0.extend(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u32);
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }

    /// Types, of which no message of ours has many.
    fn signature(&mut self, types: &str) {
        self.0.push(types.len() as u8);
        self.0.extend(types.as_bytes());
        self.0.push(0);
    }

    /// A header field's number and its value's type.
    fn head(&mut self, field: u8, kind: u8) {
        self.align(8);
        self.0.extend([field, 1, kind, 0]);
    }

    fn text_field(&mut self, field: u8, kind: u8, text: &str) {
        self.head(field, kind);
        self.text(text);
    }

    fn number_field(&mut self, field: u8, number: u32) {
        self.head(field, b'u');
        self.number(number);
    }

    fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Text(text) => self.text(text),
            Value::Flag(flag) => self.number(flag.into()),
            Value::Handle(index) => self.number(index),
            Value::Number(number) => {
                self.signature("t");
                self.align(8);
                self.0.extend(number.to_le_bytes());
            }
        }
    }
}

impl Value<'_> {
    const fn kind(self) -> char {
        match self {
            Self::Text(_) => 's',
            Self::Flag(_) => 'b',
            Self::Handle(_) => 'h',
            Self::Number(_) => 'v',
        }
    }
}

#[cfg(test)]
mod tests;
