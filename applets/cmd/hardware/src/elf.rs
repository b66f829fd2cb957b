//! ELF files of 32 and 64 bits in both byte orders (System V ABI, generic part). The file can be anybody's: each place is
//! looked up within the bytes there are, and counts are bounded by them.

/// File.
#[derive(Clone, Copy)]
pub struct Elf<'a> {
    /// All its bytes.
    pub bytes: &'a [u8],
    /// 64 bits.
    pub wide: bool,
    /// Big endian.
    pub big: bool,
    /// Head.
    pub head: Head,
}

/// Head of a file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head {
    pub kind: u64,
    pub machine: u64,
    pub version: u64,
    pub entry: u64,
    pub segments_at: u64,
    pub sections_at: u64,
    pub flags: u64,
    pub size: u64,
    pub segment_size: u64,
    pub segments: u64,
    pub section_size: u64,
    pub sections: u64,
    pub names: u64,
}

/// Section header.
#[derive(Clone, Copy, Debug, Default)]
pub struct Section {
    pub name: u64,
    pub kind: u64,
    pub flags: u64,
    pub address: u64,
    pub offset: u64,
    pub size: u64,
    pub link: u64,
    pub info: u64,
    pub align: u64,
    pub each: u64,
}

/// Program header.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segment {
    pub kind: u64,
    pub flags: u64,
    pub offset: u64,
    pub address: u64,
    pub physical: u64,
    pub in_file: u64,
    pub in_memory: u64,
    pub align: u64,
}

/// Symbol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Symbol {
    pub name: u64,
    pub info: u64,
    pub other: u64,
    pub section: u64,
    pub value: u64,
    pub size: u64,
}

/// Reader of fields one after another.
pub struct Fields<'a> {
    elf: &'a Elf<'a>,
    at: usize,
}

impl Fields<'_> {
    fn take(&mut self, length: usize) -> Option<u64> {
        let number = self.elf.number(self.at, length)?;
        self.at += length;
        Some(number)
    }

    /// Number of 16 bits.
    pub fn half(&mut self) -> Option<u64> {
        self.take(2)
    }

    /// Number of 32 bits.
    pub fn word(&mut self) -> Option<u64> {
        self.take(4)
    }

    /// Number of the file's own width.
    pub fn native(&mut self) -> Option<u64> {
        self.take(if self.elf.wide { 8 } else { 4 })
    }
}

impl<'a> Elf<'a> {
    /// Reads the head; none for what is no ELF file.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let ident = bytes.get(..16).filter(|ident| ident.starts_with(b"\x7fELF"))?;
        let (wide, big) = (ident.get(4)? == &2, ident.get(5)? == &2);
        let mut elf = Self { bytes, wide, big, head: Head::default() };
        elf.head = elf.read_head()?;
        Some(elf)
    }

    fn read_head(&self) -> Option<Head> {
        let mut f = self.fields(16)?;
        Some(Head {
            kind: f.half()?,
            machine: f.half()?,
            version: f.word()?,
            entry: f.native()?,
            segments_at: f.native()?,
            sections_at: f.native()?,
            flags: f.word()?,
            size: f.half()?,
            segment_size: f.half()?,
            segments: f.half()?,
            section_size: f.half()?,
            sections: f.half()?,
            names: f.half()?,
        })
    }

    /// Number at a place.
    pub fn number(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.bytes.get(at..at.checked_add(length)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) })
    }

    /// Fields from a place on.
    pub fn fields(&self, at: u64) -> Option<Fields<'_>> {
        Some(Fields { elf: self, at: usize::try_from(at).ok()? })
    }

    /// Bytes at a place; as many as there are.
    pub fn part(&self, at: u64, length: u64) -> &'a [u8] {
        let start = usize::try_from(at).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(self.bytes.len());
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Section headers. The count stands in the first one where it does not fit into the head.
    pub fn sections(&self) -> Vec<Section> {
        let head = &self.head;
        if head.sections_at == 0 {
            return Vec::new();
        }
        let first = self.section(head.sections_at);
        let count = if head.sections == 0 { first.map_or(0, |first| first.size) } else { head.sections };
        self.list(head.sections_at, head.section_size, count).map_while(|at| self.section(at)).collect()
    }

    /// Places of the headers of a list, as far as the file goes.
    fn list(&self, at: u64, each: u64, count: u64) -> impl Iterator<Item = u64> + use<> {
        let most = (self.bytes.len() as u64).checked_div(each).unwrap_or(0);
        (0..count.min(most)).map_while(move |index| at.checked_add(index.checked_mul(each)?))
    }

    fn section(&self, at: u64) -> Option<Section> {
        let mut f = self.fields(at)?;
        Some(Section {
            name: f.word()?,
            kind: f.word()?,
            flags: f.native()?,
            address: f.native()?,
            offset: f.native()?,
            size: f.native()?,
            link: f.word()?,
            info: f.word()?,
            align: f.native()?,
            each: f.native()?,
        })
    }

    /// Program headers.
    pub fn segments(&self) -> Vec<Segment> {
        let head = &self.head;
        self.list(head.segments_at, head.segment_size, head.segments).map_while(|at| self.segment(at)).collect()
    }

    fn segment(&self, at: u64) -> Option<Segment> {
        let mut f = self.fields(at)?;
        let kind = f.word()?;
        let early = if self.wide { f.word()? } else { 0 };
        let (offset, address, physical) = (f.native()?, f.native()?, f.native()?);
        let (in_file, in_memory) = (f.native()?, f.native()?);
        let flags = if self.wide { early } else { f.word()? };
        Some(Segment { kind, flags, offset, address, physical, in_file, in_memory, align: f.native()? })
    }

    /// Content of a section; one without content in the file has none.
    pub fn content(&self, section: &Section) -> &'a [u8] {
        if section.kind == 8 { &[] } else { self.part(section.offset, section.size) }
    }

    /// Text at a place of a table of texts.
    pub fn text(table: &[u8], at: u64) -> String {
        let rest = usize::try_from(at).ok().and_then(|at| table.get(at..)).unwrap_or_default();
        let text = rest.split(|byte| *byte == 0).next().unwrap_or_default();
        shown(text)
    }

    /// Name of a section.
    pub fn name(&self, sections: &[Section], section: &Section) -> String {
        let index = if self.head.names == 0xffff { sections.first().map_or(0, |first| first.link) } else { self.head.names };
        let names = usize::try_from(index).ok().and_then(|index| sections.get(index));
        names.map_or_else(String::new, |names| Self::text(self.content(names), section.name))
    }

    /// Bytes of a symbol.
    pub fn symbol_size(&self) -> u64 {
        if self.wide { 24 } else { 16 }
    }

    /// Symbols of a table at a place.
    pub fn symbols(&self, at: u64, size: u64) -> impl Iterator<Item = Symbol> + use<'a, '_> {
        let each = self.symbol_size();
        self.list(at, each, size / each).map_while(|at| self.symbol(at))
    }

    fn symbol(&self, at: u64) -> Option<Symbol> {
        let mut f = self.fields(at)?;
        let name = f.word()?;
        if self.wide {
            let (info, other, section) = (f.take(1)?, f.take(1)?, f.half()?);
            return Some(Symbol { name, info, other, section, value: f.native()?, size: f.native()? });
        }
        let (value, size) = (f.native()?, f.native()?);
        Some(Symbol { name, value, size, info: f.take(1)?, other: f.take(1)?, section: f.half()? })
    }

    /// Entries of the dynamic section at a place, up to the one that ends it: tag and value.
    pub fn dynamic(&self, at: u64, size: u64) -> Vec<(u64, u64)> {
        let each = if self.wide { 16 } else { 8 };
        let entry = |at| {
            let mut f = self.fields(at)?;
            Some((f.native()?, f.native()?))
        };
        let mut entries = Vec::new();
        for entry in self.list(at, each, size / each).map_while(entry) {
            entries.push(entry);
            if entry.0 == 0 {
                break;
            }
        }
        entries
    }

    /// Place in the file of an address in memory.
    pub fn place(segments: &[Segment], address: u64) -> Option<u64> {
        let holds = |s: &&Segment| s.kind == 1 && address >= s.address && address - s.address < s.in_file;
        segments.iter().find(holds).map(|s| s.offset.wrapping_add(address - s.address))
    }

    /// Digits of an address.
    pub fn digits(&self) -> usize {
        if self.wide { 16 } else { 8 }
    }
}

/// Text in which a control character is `^` and a letter: terminals obey them.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if !text.contains(|c: char| c.is_control()) {
        return text.into_owned();
    }
    let each = |c: char| match c {
        c if c < ' ' => vec!['^', char::from(c as u8 + 0x40)],
        c if c.is_control() => vec!['.'],
        c => vec![c],
    };
    text.chars().flat_map(each).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn this_very_program_is_read_and_parts_of_it_break_nothing() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = Elf::new(&bytes).unwrap();
        let sections = elf.sections();
        assert!(sections.iter().any(|section| elf.name(&sections, section) == ".text"));
        assert!(elf.segments().iter().any(|segment| segment.kind == 1));
        for end in [0, 15, 16, 40, 63, 64, 100] {
            if let Some(elf) = Elf::new(&bytes[..end]) {
                assert!(elf.sections().is_empty() && elf.segments().len() < 2);
            }
        }
    }

    #[test]
    fn numbers_have_two_orders() {
        let mut bytes = vec![0; 52];
        bytes[..6].copy_from_slice(b"\x7fELF\x01\x02");
        bytes[19] = 8;
        assert_eq!(Elf::new(&bytes).unwrap().head.machine, 8);
        bytes[5] = 1;
        assert_eq!(Elf::new(&bytes).unwrap().head.machine, 0x800);
        assert_eq!(Elf::text(b"a\x1bb\0", 0), "a^[b");
    }
}
