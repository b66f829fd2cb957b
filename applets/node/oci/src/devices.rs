//! The device filter: `linux.resources.devices` as the eBPF program that a version 2 cgroup asks at each open and mknod.
//!
//! The rules hold in their order, the last that speaks of an access decides on it, bit by bit. What no rule speaks of is
//! refused. The OCI specification's default devices come last, so they are always there; making a node is always allowed,
//! as in runc, because a node alone opens nothing.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use kit::{Context, Error, Result};
use serde::Deserialize;
use serde_json::Value;
use sys::bpf::Insn;

/// `BPF_DEVCG_ACC_MKNOD`
const MKNOD: u32 = 1;
/// `BPF_DEVCG_ACC_READ`
const READ: u32 = 2;
/// `BPF_DEVCG_ACC_WRITE`
const WRITE: u32 = 4;
/// All that can be asked.
const ALL: u32 = MKNOD | READ | WRITE;
/// `BPF_DEVCG_DEV_BLOCK`
const BLOCK: u32 = 1;
/// `BPF_DEVCG_DEV_CHAR`
const CHAR: u32 = 2;

/// A rule as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    allow: bool,
    #[serde(rename = "type", default)]
    kind: String,
    major: Option<i64>,
    minor: Option<i64>,
    #[serde(default)]
    access: String,
}

/// A rule as it is compiled; what is none fits all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    allow: bool,
    kind: Option<u32>,
    major: Option<u32>,
    minor: Option<u32>,
    access: u32,
}

const fn allow(kind: u32, major: Option<u32>, minor: Option<u32>, access: u32) -> Rule {
    Rule { allow: true, kind: Some(kind), major, minor, access }
}

/// Rules that every container has: mknod of all, null, zero, full, random, urandom, tty, pseudo-terminals, ptmx.
const DEFAULT: [Rule; 10] = [
    allow(CHAR, None, None, MKNOD),
    allow(BLOCK, None, None, MKNOD),
    allow(CHAR, Some(1), Some(3), ALL),
    allow(CHAR, Some(1), Some(5), ALL),
    allow(CHAR, Some(1), Some(7), ALL),
    allow(CHAR, Some(1), Some(8), ALL),
    allow(CHAR, Some(1), Some(9), ALL),
    allow(CHAR, Some(5), Some(0), ALL),
    allow(CHAR, Some(136), None, ALL),
    allow(CHAR, Some(5), Some(2), ALL),
];

/// The rules of `linux.resources.devices`, which may be absent, with the default ones.
pub fn rules(devices: Option<&Value>) -> Result<Vec<Rule>> {
    let written: Vec<Written> = match devices {
        None | Some(Value::Null) => Vec::new(),
        Some(list) => Vec::deserialize(list).doing("read the device rules")?,
    };
    let mut rules = written.iter().map(Rule::read).collect::<Result<Vec<_>>>()?;
    rules.extend(DEFAULT);
    Ok(rules)
}

impl Rule {
    fn read(written: &Written) -> Result<Self> {
        let kind = match written.kind.as_str() {
            "" | "a" => None,
            "b" => Some(BLOCK),
            "c" | "u" => Some(CHAR),
            other => return Err(Error::new(format!("device rule: there is no device type {other}"))),
        };
        let access = match written.access.as_str() {
            "" => ALL,
            letters => letters.chars().try_fold(0, |bits, letter| Ok(bits | bit(letter)?))?,
        };
        Ok(Self { allow: written.allow, kind, major: number(written.major)?, minor: number(written.minor)?, access })
    }

    /// Tells if it leaves nothing to the rules before it.
    fn is_total(self) -> bool {
        self.kind.is_none() && self.major.is_none() && self.minor.is_none() && self.access == ALL
    }
}

fn bit(letter: char) -> Result<u32> {
    match letter {
        'r' => Ok(READ),
        'w' => Ok(WRITE),
        'm' => Ok(MKNOD),
        other => Err(Error::new(format!("device rule: there is no access {other}"))),
    }
}

/// A device number; -1, as runc's callers write it, fits all. Past 31 bits the program's comparison would extend the sign.
fn number(written: Option<i64>) -> Result<Option<u32>> {
    match written {
        None | Some(-1) => Ok(None),
        Some(n @ 0..=0x7fff_ffff) => Ok(Some(n as u32)),
        Some(n) => Err(Error::new(format!("device rule: {n} is no device number"))),
    }
}

/// Put the rules on a cgroup. Rules that allow all need no program.
pub fn enforce(rules: &[Rule], cgroup: &Path) -> Result<()> {
    if let Some(program) = program(rules) {
        let directory = File::open(cgroup).on("open", cgroup)?;
        let program = sys::bpf::load_device_filter(&program).doing("load the device filter")?;
        sys::bpf::attach_device_filter(directory.as_fd(), program.as_fd()).on("attach the device filter to", cgroup)?;
    }
    Ok(())
}

/// Registers: 0 answers, 1 the context, 2 the type, 3 what is still asked for, 4 major, 5 minor, 6 scratch.
const ANSWER: u8 = 0;
const KIND: u8 = 2;
const ASKED: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

/// `BPF_LDX | BPF_MEM | BPF_W`
const LOAD: u8 = 0x61;
/// `BPF_ALU | BPF_MOV | BPF_K`
const SET: u8 = 0xb4;
/// `BPF_ALU | BPF_MOV | BPF_X`
const COPY: u8 = 0xbc;
/// `BPF_ALU | BPF_AND | BPF_K`
const AND: u8 = 0x54;
/// `BPF_ALU | BPF_RSH | BPF_K`
const SHIFT: u8 = 0x74;
/// `BPF_JMP | BPF_JNE | BPF_K`
const UNLESS: u8 = 0x55;
/// `BPF_JMP | BPF_JEQ | BPF_K`
const IF: u8 = 0x15;
/// `BPF_JMP | BPF_EXIT`
const EXIT: u8 = 0x95;

const fn insn(code: u8, to: u8, from: u8, offset: i16, constant: u32) -> Insn {
    Insn { code, registers: from << 4 | to, offset, constant: constant as i32 }
}

/// The program; none when all is allowed. Rules before the last total one say nothing any more.
fn program(rules: &[Rule]) -> Option<Vec<Insn>> {
    let first = rules.iter().rposition(|rule| rule.is_total());
    let (otherwise, rules) = match first {
        Some(at) => (rules[at].allow, &rules[at + 1..]),
        None => (false, rules),
    };
    if otherwise && rules.iter().all(|rule| rule.allow) {
        return None;
    }
    // The context: access << 16 | type, major, minor; the verifier wants it loaded word by word.
    let mut program = vec![
        insn(LOAD, ASKED, 1, 0, 0),
        insn(COPY, KIND, ASKED, 0, 0),
        insn(AND, KIND, 0, 0, 0xffff),
        insn(SHIFT, ASKED, 0, 0, 16),
        insn(LOAD, MAJOR, 1, 4, 0),
        insn(LOAD, MINOR, 1, 8, 0),
    ];
    for rule in rules.iter().rev() {
        program.extend(step(*rule));
    }
    program.extend([insn(SET, ANSWER, 0, 0, u32::from(otherwise)), insn(EXIT, 0, 0, 0, 0)]);
    Some(program)
}

/// One rule: skip it if it does not fit; else strike what it allows from what is asked, or refuse.
fn step(rule: Rule) -> Vec<Insn> {
    let verdict = if rule.allow {
        // Answer yes once nothing is left.
        vec![
            insn(AND, ASKED, 0, 0, ALL & !rule.access),
            insn(UNLESS, ASKED, 0, 2, 0),
            insn(SET, ANSWER, 0, 0, 1),
            insn(EXIT, 0, 0, 0, 0),
        ]
    } else {
        vec![
            insn(COPY, SCRATCH, ASKED, 0, 0),
            insn(AND, SCRATCH, 0, 0, rule.access),
            insn(IF, SCRATCH, 0, 2, 0),
            insn(SET, ANSWER, 0, 0, 0),
            insn(EXIT, 0, 0, 0, 0),
        ]
    };
    let tests: Vec<(u8, u32)> = [(KIND, rule.kind), (MAJOR, rule.major), (MINOR, rule.minor)]
        .into_iter()
        .filter_map(|(register, value)| value.map(|value| (register, value)))
        .collect();
    let count = tests.len();
    let mut step: Vec<Insn> = tests
        .iter()
        .enumerate()
        .map(|(at, (register, value))| insn(UNLESS, *register, 0, (count - at - 1 + verdict.len()) as i16, *value))
        .collect();
    step.extend(verdict);
    step
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    /// The kernel's side: run the program on one access.
    fn run(program: &[Insn], kind: u32, access: u32, major: u32, minor: u32) -> bool {
        let mut registers = [0_u32; 11];
        let mut at = 0_usize;
        loop {
            let i = program[at];
            let (to, from) = ((i.registers & 15) as usize, (i.registers >> 4) as usize);
            let constant = i.constant as u32;
            at += 1;
            let jump = |at: usize| at + i.offset as usize;
            match i.code {
                LOAD => registers[to] = [access << 16 | kind, major, minor][i.offset as usize / 4],
                SET => registers[to] = constant,
                COPY => registers[to] = registers[from],
                AND => registers[to] &= constant,
                SHIFT => registers[to] >>= constant,
                UNLESS if registers[to] != constant => at = jump(at),
                IF if registers[to] == constant => at = jump(at),
                UNLESS | IF => {}
                EXIT => return registers[0] != 0,
                code => unreachable!("instruction {code:#x}"),
            }
        }
    }

    fn ask(devices: &Value, kind: u32, access: u32, major: u32, minor: u32) -> bool {
        program(&rules(Some(devices)).unwrap()).is_none_or(|p| run(&p, kind, access, major, minor))
    }

    #[test]
    fn nothing_but_the_default_devices_without_rules() {
        for none in [json!([]), json!(null), json!([{"allow": false, "access": "rwm"}])] {
            assert!(ask(&none, CHAR, READ | WRITE, 1, 3));
            assert!(ask(&none, CHAR, READ | WRITE, 136, 77));
            assert!(ask(&none, BLOCK, MKNOD, 8, 0));
            assert!(!ask(&none, BLOCK, READ, 8, 0));
            assert!(!ask(&none, CHAR, READ, 1, 11));
            assert!(!ask(&none, CHAR, READ | MKNOD, 1, 11));
            assert!(!ask(&none, BLOCK, READ, 1, 3));
        }
    }

    #[test]
    fn the_last_rule_decides_bit_by_bit() {
        let devices = json!([
            {"allow": false, "access": "rwm"},
            {"allow": true, "type": "c", "major": 10, "minor": 200, "access": "r"},
            {"allow": true, "type": "c", "major": 10, "minor": 200, "access": "w"},
            {"allow": true, "type": "c", "major": 89, "access": "rw"},
            {"allow": false, "type": "c", "major": 89, "minor": 1, "access": "w"},
        ]);
        assert!(ask(&devices, CHAR, READ | WRITE, 10, 200));
        assert!(!ask(&devices, CHAR, READ | WRITE, 10, 201));
        assert!(ask(&devices, CHAR, READ | WRITE, 89, 0));
        assert!(ask(&devices, CHAR, READ, 89, 1));
        assert!(!ask(&devices, CHAR, READ | WRITE, 89, 1));
    }

    #[test]
    fn all_allowed_needs_no_program_and_all_but_one_does() {
        assert!(program(&rules(Some(&json!([{"allow": true, "access": "rwm"}]))).unwrap()).is_none());
        let but = json!([{"allow": true}, {"allow": false, "type": "b", "major": 8, "minor": -1, "access": "rw"}]);
        assert!(!ask(&but, BLOCK, READ, 8, 1));
        assert!(ask(&but, BLOCK, READ, 7, 1));
    }

    #[test]
    fn broken_rules_are_refused() {
        for broken in [
            json!([{"allow": true, "type": "p"}]),
            json!([{"allow": true, "access": "x"}]),
            json!([{"allow": true, "major": -2}]),
            json!([{"type": "c"}]),
            json!({}),
        ] {
            assert!(rules(Some(&broken)).is_err(), "{broken}");
        }
    }
}
