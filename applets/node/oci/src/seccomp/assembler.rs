//! Classic BPF, put together from its end: a jump leads forwards only, so its targets are there before it is.

use sys::seccomp::Insn;

/// `BPF_LD | BPF_W | BPF_ABS`
const LOAD: u16 = 0x20;
/// `BPF_ALU | BPF_AND | BPF_K`
const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JA`
const JUMP: u16 = 0x05;
/// `BPF_RET | BPF_K`
const RETURN: u16 = 0x06;

/// Comparison of the accumulator with a conditional jump's constant.
#[derive(Clone, Copy, Debug)]
pub enum If {
    /// `BPF_JMP | BPF_JEQ | BPF_K`
    Equal = 0x15,
    /// `BPF_JMP | BPF_JGT | BPF_K`
    Greater = 0x25,
    /// `BPF_JMP | BPF_JGE | BPF_K`
    GreaterOrEqual = 0x35,
}

/// The farthest that a conditional jump goes, less the room for two trampolines in front of its targets.
const NEAR: usize = 250;

/// An instruction that is there already, counted from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// The program so far, last instruction first.
#[derive(Debug, Default)]
pub struct Assembler {
    backwards: Vec<Insn>,
}

impl Assembler {
    /// The program in the order of execution.
    pub fn finish(mut self) -> Vec<Insn> {
        self.backwards.reverse();
        self.backwards
    }

    /// Tells if a conditional jump put in next would reach it.
    pub fn reaches(&self, label: Label) -> bool {
        self.backwards.len() - label.0 <= NEAR
    }

    /// End with an answer.
    pub fn answer(&mut self, value: u32) -> Label {
        let near = self.backwards.iter().enumerate().rev().take(NEAR);
        for (at, insn) in near {
            if insn.code == RETURN && insn.k == value {
                return Label(at);
            }
        }
        self.put(RETURN, 0, 0, value)
    }

    /// Load the word at `offset` of the call's data, then go on at `next`.
    pub fn load(&mut self, offset: u32, next: Label) -> Label {
        self.fall_to(next);
        self.put(LOAD, 0, 0, offset)
    }

    /// Keep the bits of `mask`, then go on at `next`.
    pub fn mask(&mut self, mask: u32, next: Label) -> Label {
        self.fall_to(next);
        self.put(AND, 0, 0, mask)
    }

    /// Go on at one of two places.
    pub fn branch(&mut self, test: If, constant: u32, yes: Label, no: Label) -> Label {
        let (yes, no) = (self.near(yes), self.near(no));
        let distance = |to: Label| (self.backwards.len() - to.0 - 1) as u8;
        self.put(test as u16, distance(yes), distance(no), constant)
    }

    /// The place itself, or a copy or a trampoline within reach.
    fn near(&mut self, to: Label) -> Label {
        if self.reaches(to) {
            return to;
        }
        match self.backwards.get(to.0) {
            Some(insn) if insn.code == RETURN => self.put(RETURN, 0, 0, insn.k),
            _ => self.jump(to),
        }
    }

    /// Make what is put in next be followed by `next`.
    fn fall_to(&mut self, next: Label) {
        if next.0 + 1 != self.backwards.len() {
            self.jump(next);
        }
    }

    fn jump(&mut self, to: Label) -> Label {
        let distance = self.backwards.len() - to.0 - 1;
        self.put(JUMP, 0, 0, distance as u32)
    }

    fn put(&mut self, code: u16, jt: u8, jf: u8, k: u32) -> Label {
        self.backwards.push(Insn { code, jt, jf, k });
        Label(self.backwards.len() - 1)
    }
}
