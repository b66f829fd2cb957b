//! From a profile to a program: for each architecture a table of call numbers and verdicts, searched by halves.
//!
//! If several rules name one call, the strictest of those that match decides (the kernel's own order), whatever their
//! order in the profile. A rule that says no more than the default is left out first, as libseccomp does.

use std::collections::BTreeMap;

use kit::{Error, Result};
use sys::seccomp::{Insn, MOST};

use super::answer::{ALLOW, ERRNO, KILL_PROCESS, KIND, LOG, TRACE};
use super::arch::{Arch, X32_BIT};
use super::assembler::{Assembler, If, Label};
use super::profile::{Argument, Operator, Profile, Rule};

/// Offset of the call's number in `struct seccomp_data`.
const NUMBER: u32 = 0;
/// Offset of the architecture.
const ARCH: u32 = 4;
/// Offset of the first argument: eight bytes each, low half first on all that we know.
const ARGUMENTS: u32 = 16;
/// The number that a tracer leaves to have a call skipped: it is nobody's.
const SKIPPED: u32 = u32::MAX;
/// "There is no such call", which programs know how to do without.
const ENOSYS: u32 = 38;

/// Checks of a call that lead to an answer; no checks fit every call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Case {
    checks: Vec<Argument>,
    answer: u32,
}

/// Decision about a call: the first case that fits, else an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Verdict {
    cases: Vec<Case>,
    otherwise: u32,
}

/// Calls from a number up to the next range's.
struct Range {
    from: u32,
    wide: bool,
    verdict: Verdict,
}

/// The program for a machine whose own architecture is `native`.
pub fn compile(profile: &Profile, native: Arch) -> Result<Vec<Insn>> {
    let arches = arches(profile, native)?;
    let mut program = Assembler::default();
    // An architecture that is not listed has other numbers for the same calls: nothing of it may get through.
    let mut entry = program.answer(KILL_PROCESS);
    for arch in arches.iter().rev().filter(|arch| **arch != Arch::X32) {
        let ranges = ranges(profile, *arch, arches.contains(&Arch::X32))?;
        let table = search(&mut program, &ranges);
        let table = program.load(NUMBER, table);
        entry = program.branch(If::Equal, arch.audit(), table, entry);
    }
    program.load(ARCH, entry);
    let program = program.finish();
    if program.len() > MOST {
        return Err(Error::new(format!("seccomp profile: {} instructions, and the kernel takes {MOST}", program.len())));
    }
    Ok(program)
}

/// The machine's own architecture, and those of the profile that it can run.
fn arches(profile: &Profile, native: Arch) -> Result<Vec<Arch>> {
    let mut arches = vec![native];
    for name in &profile.architectures {
        if let Some(arch) = Arch::named(name)?
            && arch.runs_on(native)
            && !arches.contains(&arch)
        {
            arches.push(arch);
        }
    }
    Ok(arches)
}

/// All numbers of an audit architecture, in order and without gaps.
fn ranges(profile: &Profile, arch: Arch, with_x32: bool) -> Result<Vec<Range>> {
    let default = Verdict { cases: Vec::new(), otherwise: profile.default()? };
    let mut ranges = Vec::new();
    add(&mut ranges, profile, arch, 0)?;
    if arch == Arch::X86_64 {
        if with_x32 {
            add(&mut ranges, profile, Arch::X32, X32_BIT)?;
        } else {
            put(&mut ranges, X32_BIT, true, Verdict { cases: Vec::new(), otherwise: KILL_PROCESS });
        }
        put(&mut ranges, SKIPPED, true, default);
    }
    Ok(ranges)
}

/// One architecture's calls, from its first possible number on.
fn add(ranges: &mut Vec<Range>, profile: &Profile, arch: Arch, first: u32) -> Result<()> {
    let otherwise = profile.default()?;
    let default = Verdict { cases: Vec::new(), otherwise };
    let calls = calls(profile, arch)?;
    put(ranges, first, arch.is_wide(), default.clone());
    let mut last = None;
    for (number, cases) in calls {
        put(ranges, number, arch.is_wide(), verdict(cases, otherwise));
        put(ranges, number + 1, arch.is_wide(), default.clone());
        last = Some(number);
    }
    // Calls newer than any that the profile's author knew: "no such call" makes libraries fall back, "not permitted" does not.
    if let Some(last) = last
        && !permits(otherwise)
    {
        put(ranges, last + 1, arch.is_wide(), Verdict { cases: Vec::new(), otherwise: ERRNO | ENOSYS });
    }
    Ok(())
}

/// Let `verdict` hold from a number on; a range that it leaves empty goes, and so does one that says the same again.
fn put(ranges: &mut Vec<Range>, from: u32, wide: bool, verdict: Verdict) {
    if ranges.last().is_some_and(|last| last.from == from) {
        ranges.pop();
    }
    if ranges.last().is_none_or(|last| last.verdict != verdict || last.wide != wide) {
        ranges.push(Range { from, wide, verdict });
    }
}

/// Tells if calls are allowed by default.
const fn permits(answer: u32) -> bool {
    matches!(answer & KIND, ALLOW | LOG | TRACE)
}

/// Every call that the profile names and the architecture has, with its cases; none for those that say what the default says.
fn calls(profile: &Profile, arch: Arch) -> Result<BTreeMap<u32, Vec<Case>>> {
    let default = profile.default()?;
    let mut calls: BTreeMap<u32, Vec<Case>> = BTreeMap::new();
    for rule in &profile.syscalls {
        let answer = rule.answer()?;
        let cases = if answer == default { Vec::new() } else { cases(rule, answer) };
        for name in &rule.names {
            if let Some(number) = arch.number(name) {
                calls.entry(number).or_default().extend(cases.iter().cloned());
            }
            // The kernel reads such a call's real arguments from memory, where no filter sees them.
            if let (Some((number, which)), true) = (arch.through(name), rule.args.is_empty())
                && answer != default
            {
                let check = Argument { index: 0, value: which, value_two: 0, op: Operator::Eq };
                calls.entry(number).or_default().push(Case { checks: vec![check], answer });
            }
        }
    }
    Ok(calls)
}

/// A rule's checks hold together; but where it checks one argument twice, each check stands for itself, as in runc.
fn cases(rule: &Rule, answer: u32) -> Vec<Case> {
    let doubled = rule.args.iter().enumerate().any(|(at, a)| rule.args[..at].iter().any(|b| a.index == b.index));
    if doubled {
        return rule.args.iter().map(|check| Case { checks: vec![*check], answer }).collect();
    }
    vec![Case { checks: rule.args.clone(), answer }]
}

/// Strictest first, up to the first case that fits every call.
fn verdict(mut cases: Vec<Case>, default: u32) -> Verdict {
    cases.sort_by_key(|case| (case.answer & KIND) as i32);
    match cases.iter().position(|case| case.checks.is_empty()) {
        Some(at) => {
            let otherwise = cases[at].answer;
            cases.truncate(at);
            Verdict { cases, otherwise }
        }
        None => Verdict { cases, otherwise: default },
    }
}

/// Find the range of the number in the accumulator.
fn search(program: &mut Assembler, ranges: &[Range]) -> Label {
    match ranges {
        [] => program.answer(KILL_PROCESS),
        [range] => decide(program, range),
        _ => {
            let (low, high) = ranges.split_at(ranges.len() / 2);
            let (above, from) = (search(program, high), high[0].from);
            let below = search(program, low);
            program.branch(If::GreaterOrEqual, from, above, below)
        }
    }
}

fn decide(program: &mut Assembler, range: &Range) -> Label {
    let mut no = program.answer(range.verdict.otherwise);
    for case in range.verdict.cases.iter().rev() {
        let mut yes = program.answer(case.answer);
        for check in case.checks.iter().rev() {
            yes = compare(program, *check, range.wide, yes, no);
        }
        no = yes;
    }
    no
}

/// Compare an argument, by halves where both count.
fn compare(program: &mut Assembler, check: Argument, wide: bool, yes: Label, no: Label) -> Label {
    match check.op {
        Operator::Ne => compare(program, Argument { op: Operator::Eq, ..check }, wide, no, yes),
        Operator::Lt => compare(program, Argument { op: Operator::Ge, ..check }, wide, no, yes),
        Operator::Le => compare(program, Argument { op: Operator::Gt, ..check }, wide, no, yes),
        Operator::Eq => equal(program, check.index, u64::MAX, check.value, wide, yes, no),
        Operator::MaskedEq => equal(program, check.index, check.value, check.value_two, wide, yes, no),
        Operator::Gt => greater(program, check, If::Greater, wide, yes, no),
        Operator::Ge => greater(program, check, If::GreaterOrEqual, wide, yes, no),
    }
}

fn equal(program: &mut Assembler, index: u32, mask: u64, value: u64, wide: bool, yes: Label, no: Label) -> Label {
    let (low, high) = halves(index);
    let next = equal_half(program, low, mask as u32, value as u32, yes, no);
    if wide { equal_half(program, high, (mask >> 32) as u32, (value >> 32) as u32, next, no) } else { next }
}

fn equal_half(program: &mut Assembler, at: u32, mask: u32, value: u32, yes: Label, no: Label) -> Label {
    if mask == 0 {
        return yes;
    }
    let mut next = program.branch(If::Equal, value, yes, no);
    if mask != u32::MAX {
        next = program.mask(mask, next);
    }
    program.load(at, next)
}

fn greater(program: &mut Assembler, check: Argument, test: If, wide: bool, yes: Label, no: Label) -> Label {
    let (low, high) = halves(check.index);
    let lower = program.branch(test, check.value as u32, yes, no);
    let lower = program.load(low, lower);
    if !wide {
        return lower;
    }
    let upper = (check.value >> 32) as u32;
    let same = program.branch(If::Equal, upper, lower, no);
    let more = program.branch(If::Greater, upper, yes, same);
    program.load(high, more)
}

/// Offsets of an argument's halves.
const fn halves(index: u32) -> (u32, u32) {
    let low = ARGUMENTS + 8 * index;
    (low, low + 4)
}
