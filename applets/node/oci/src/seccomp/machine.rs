//! The kernel's side of a filter, for tests: the checks that it makes on loading, and the run on one call.

use sys::seccomp::Insn;

/// `struct seccomp_data` without the instruction pointer.
#[derive(Clone, Copy, Default)]
pub struct Call {
    pub number: u32,
    pub arch: u32,
    pub args: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        let argument = |at: u32| self.args[(at / 8) as usize];
        match offset {
            0 => self.number,
            4 => self.arch,
            16..64 if offset.is_multiple_of(8) => argument(offset - 16) as u32,
            16..64 if offset.is_multiple_of(4) => (argument(offset - 20) >> 32) as u32,
            _ => unreachable!("a load from {offset}"),
        }
    }
}

/// The answer to a call, and how many instructions it took.
pub fn run(program: &[Insn], call: &Call) -> (u32, usize) {
    let (mut accumulator, mut at, mut steps) = (0, 0, 0);
    loop {
        let insn = program[at];
        (at, steps) = (at + 1, steps + 1);
        let jump = |holds: bool| usize::from(if holds { insn.jt } else { insn.jf });
        match insn.code {
            0x20 => accumulator = call.word(insn.k),
            0x54 => accumulator &= insn.k,
            0x05 => at += insn.k as usize,
            0x15 => at += jump(accumulator == insn.k),
            0x25 => at += jump(accumulator > insn.k),
            0x35 => at += jump(accumulator >= insn.k),
            0x06 => return (insn.k, steps),
            code => unreachable!("instruction {code:#x}"),
        }
    }
}
