#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::{Value, json};
use sys::seccomp::Insn;

use super::answer::{ALLOW, ERRNO, KILL_PROCESS, KILL_THREAD, LOG, TRACE, TRAP};
use super::arch::{Arch, X32_BIT};
use super::compile::compile;
use super::machine::{Call, run};
use super::profile::Profile;
use super::*;

const EPERM: u32 = ERRNO + 1;
const ENOSYS: u32 = ERRNO + 38;

fn program(profile: Value, native: Arch) -> Vec<Insn> {
    compile(&Profile::read(profile).unwrap(), native).unwrap()
}

fn answer(program: &[Insn], arch: Arch, name: &str, args: [u64; 6]) -> u32 {
    run(program, &Call { number: arch.number(name).unwrap(), arch: arch.audit(), args }).0
}

fn refused(profile: Value) -> String {
    match Profile::read(profile).and_then(|p| compile(&p, Arch::X86_64)) {
        Ok(_) => unreachable!("a broken profile was taken"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn names_become_numbers_on_every_architecture() {
    for (arch, write, mkdir, clone3) in [
        (Arch::X86_64, Some(1), Some(83), 435),
        (Arch::X86, Some(4), Some(39), 435),
        (Arch::X32, Some(X32_BIT + 1), Some(X32_BIT + 83), X32_BIT + 435),
        (Arch::Aarch64, Some(64), None, 435),
        (Arch::Arm, Some(4), Some(39), 435),
    ] {
        assert_eq!(arch.number("write"), write);
        assert_eq!(arch.number("mkdir"), mkdir);
        assert_eq!(arch.number("clone3"), Some(clone3));
        assert_eq!(arch.number("no_such_call"), None);
    }
    for call in syscalls::aarch64::Sysno::iter().chain([syscalls::aarch64::Sysno::last()]) {
        assert_eq!(Arch::Aarch64.number(call.name()), Some(call.id() as u32), "{call}");
    }
    assert_eq!(Arch::X32.number("execve"), Some(X32_BIT + 520));
    assert_eq!(Arch::X32.number("pwritev2"), Some(X32_BIT + 547));
    assert_eq!(Arch::Arm.number("set_tls"), Some(0xf0005));
}

#[test]
fn each_architecture_has_its_own_table() {
    let profile = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
        "syscalls": [{"names": ["mkdirat", "mkdir"], "action": "SCMP_ACT_ERRNO"}],
    });
    for (native, arches) in
        [(Arch::X86_64, vec![Arch::X86_64, Arch::X86, Arch::X32]), (Arch::Aarch64, vec![Arch::Aarch64, Arch::Arm])]
    {
        let program = program(profile.clone(), native);
        for arch in arches {
            assert_eq!(answer(&program, arch, "mkdirat", [0; 6]), EPERM, "{arch:?}");
            assert_eq!(answer(&program, arch, "write", [0; 6]), ALLOW, "{arch:?}");
        }
    }
}

#[test]
fn an_architecture_that_is_not_listed_is_killed() {
    let program = program(json!({"defaultAction": "SCMP_ACT_ALLOW"}), Arch::X86_64);
    assert_eq!(answer(&program, Arch::X86_64, "write", [0; 6]), ALLOW);
    assert_eq!(answer(&program, Arch::X86, "write", [0; 6]), KILL_PROCESS);
    assert_eq!(answer(&program, Arch::X32, "write", [0; 6]), KILL_PROCESS);
    assert_eq!(answer(&program, Arch::Aarch64, "write", [0; 6]), KILL_PROCESS);
    let skipped = Call { number: u32::MAX, arch: Arch::X86_64.audit(), args: [0; 6] };
    assert_eq!(run(&program, &skipped).0, ALLOW);
}

#[test]
fn actions_and_their_errnos() {
    let rule = |name: &str, action: &str, errno: Option<u32>| match errno {
        Some(errno) => json!({"names": [name], "action": action, "errnoRet": errno}),
        None => json!({"names": [name], "action": action}),
    };
    let program = program(
        json!({
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
            "syscalls": [
                rule("read", "SCMP_ACT_ALLOW", None), rule("write", "SCMP_ACT_LOG", None),
                rule("mount", "SCMP_ACT_ERRNO", None), rule("umount2", "SCMP_ACT_ERRNO", Some(13)),
                rule("ptrace", "SCMP_ACT_TRACE", Some(7)), rule("bpf", "SCMP_ACT_KILL", None),
                rule("kexec_load", "SCMP_ACT_KILL_PROCESS", None), rule("reboot", "SCMP_ACT_TRAP", None),
                rule("chroot", "SCMP_ACT_KILL_THREAD", None), rule("a_call_of_the_future", "SCMP_ACT_ALLOW", None),
            ],
        }),
        Arch::X86_64,
    );
    for (name, expected) in [
        ("read", ALLOW),
        ("write", LOG),
        ("mount", EPERM),
        ("umount2", ERRNO + 13),
        ("ptrace", TRACE + 7),
        ("bpf", KILL_THREAD),
        ("kexec_load", KILL_PROCESS),
        ("reboot", TRAP),
        ("chroot", KILL_THREAD),
        ("open", ENOSYS),
    ] {
        assert_eq!(answer(&program, Arch::X86_64, name, [0; 6]), expected, "{name}");
    }
}

#[test]
fn every_operator_on_both_halves() {
    const BIG: u64 = 0x1_0000_0005;
    type Case = (&'static str, u64, u64, fn(u64) -> bool);
    let cases: &[Case] = &[
        ("SCMP_CMP_EQ", BIG, 0, |a| a == BIG),
        ("SCMP_CMP_NE", BIG, 0, |a| a != BIG),
        ("SCMP_CMP_GT", BIG, 0, |a| a > BIG),
        ("SCMP_CMP_GE", BIG, 0, |a| a >= BIG),
        ("SCMP_CMP_LT", BIG, 0, |a| a < BIG),
        ("SCMP_CMP_LE", BIG, 0, |a| a <= BIG),
        ("SCMP_CMP_MASKED_EQ", 0xf_0000_000f, BIG, |a| a & 0xf_0000_000f == BIG),
        ("SCMP_CMP_MASKED_EQ", 0x7e02_0000, 0, |a| a & 0x7e02_0000 == 0),
        ("SCMP_CMP_EQ", 0, 0, |a| a == 0),
        ("SCMP_CMP_GE", 0, 0, |_| true),
        ("SCMP_CMP_LE", u64::MAX, 0, |_| true),
    ];
    let samples = [
        0,
        1,
        4,
        5,
        6,
        0x7fff_ffff,
        0x8000_0000,
        u64::from(u32::MAX),
        BIG - 1,
        BIG,
        BIG + 1,
        2 << 32,
        0x2_0000_0005,
        0x0200_0000,
        0xf1_0000_0015,
        1 << 63,
        u64::MAX,
    ];
    for native in [Arch::X86_64, Arch::Aarch64] {
        for index in 0..6 {
            for (op, value, two, holds) in cases {
                let arg = json!({"index": index, "value": value, "valueTwo": two, "op": op});
                let program = program(
                    json!({"defaultAction": "SCMP_ACT_ERRNO",
                           "syscalls": [{"names": ["prctl"], "action": "SCMP_ACT_ALLOW", "args": [arg]}]}),
                    native,
                );
                for sample in samples {
                    let mut args = [0x5555_5555_5555_5555; 6];
                    args[index] = sample;
                    let expected = if holds(sample) { ALLOW } else { EPERM };
                    assert_eq!(answer(&program, native, "prctl", args), expected, "{op} {value:#x} on {sample:#x}");
                }
            }
        }
    }
}

#[test]
fn a_narrow_architecture_compares_low_halves() {
    let program = program(
        json!({"defaultAction": "SCMP_ACT_ERRNO", "architectures": ["SCMP_ARCH_X86"],
               "syscalls": [{"names": ["personality"], "action": "SCMP_ACT_ALLOW",
                             "args": [{"index": 0, "value": 0xffff_ffff_u64, "op": "SCMP_CMP_EQ"}]}]}),
        Arch::X86_64,
    );
    assert_eq!(answer(&program, Arch::X86, "personality", [0xffff_ffff, 0, 0, 0, 0, 0]), ALLOW);
    assert_eq!(answer(&program, Arch::X86, "personality", [8, 0, 0, 0, 0, 0]), EPERM);
}

#[test]
fn checks_of_one_rule_hold_together_unless_an_argument_is_checked_twice() {
    let arg = |index: u32, value: u64| json!({"index": index, "value": value, "op": "SCMP_CMP_EQ"});
    let program = program(
        json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [arg(0, 1), arg(1, 2)]},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [arg(0, 0), arg(0, 8)]},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [arg(0, 0x20000)]},
        ]}),
        Arch::X86_64,
    );
    let call = |name, a, b| answer(&program, Arch::X86_64, name, [a, b, 0, 0, 0, 0]);
    assert_eq!((call("socket", 1, 2), call("socket", 1, 1), call("socket", 2, 2)), (ALLOW, EPERM, EPERM));
    for (persona, expected) in [(0, ALLOW), (8, ALLOW), (0x20000, ALLOW), (1, EPERM)] {
        assert_eq!(call("personality", persona, 0), expected);
    }
}

#[test]
fn the_strictest_of_the_rules_that_match_decides() {
    let vsock = json!([{"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]);
    let deny = json!({"names": ["socket"], "action": "SCMP_ACT_ERRNO", "args": vsock});
    let allow = json!({"names": ["socket"], "action": "SCMP_ACT_ALLOW"});
    for rules in [json!([deny, allow]), json!([allow, deny])] {
        let program = program(json!({"defaultAction": "SCMP_ACT_KILL", "syscalls": rules}), Arch::X86_64);
        assert_eq!(answer(&program, Arch::X86_64, "socket", [40, 0, 0, 0, 0, 0]), EPERM);
        assert_eq!(answer(&program, Arch::X86_64, "socket", [2, 0, 0, 0, 0, 0]), ALLOW);
    }
    // A rule that repeats the default takes nothing from another rule's exception.
    let program = program(
        json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
            {"names": ["socket"], "action": "SCMP_ACT_ERRNO"},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": vsock}]}),
        Arch::X86_64,
    );
    assert_eq!(answer(&program, Arch::X86_64, "socket", [40, 0, 0, 0, 0, 0]), ALLOW);
}

#[test]
fn calls_newer_than_the_profile_are_unknown_not_forbidden() {
    let rules = json!([{"names": ["read", "faccessat2"], "action": "SCMP_ACT_ALLOW"}]);
    let strict = program(json!({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": rules}), Arch::X86_64);
    assert_eq!(answer(&strict, Arch::X86_64, "mount", [0; 6]), EPERM);
    assert_eq!(answer(&strict, Arch::X86_64, "mseal", [0; 6]), ENOSYS);
    let lenient = program(json!({"defaultAction": "SCMP_ACT_LOG", "syscalls": rules}), Arch::X86_64);
    assert_eq!(answer(&lenient, Arch::X86_64, "mseal", [0; 6]), LOG);
}

#[test]
fn socketcall_is_no_way_around_a_rule() {
    let program = program(
        json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
               "syscalls": [{"names": ["socket", "shmat"], "action": "SCMP_ACT_ERRNO"}]}),
        Arch::X86_64,
    );
    let call = |name, first| answer(&program, Arch::X86, name, [first, 0, 0, 0, 0, 0]);
    assert_eq!((call("socket", 0), call("socketcall", 1), call("socketcall", 2)), (EPERM, EPERM, ALLOW));
    assert_eq!((call("ipc", 21), call("ipc", 22)), (EPERM, ALLOW));
}

#[test]
fn a_large_profile_is_searched_by_halves() {
    // Every second call, so that no two ranges merge, each with conditions: far jumps everywhere.
    let names: Vec<&str> = syscalls::x86_64::Sysno::iter().step_by(2).map(|call| call.name()).collect();
    let rules: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            json!({"names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": at + 2,
                   "args": [{"index": 5, "value": at, "op": "SCMP_CMP_EQ"}]})
        })
        .collect();
    let program = program(json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}), Arch::X86_64);
    for (at, name) in names.iter().enumerate() {
        let mut args = [0; 6];
        args[5] = at as u64;
        let number = Arch::X86_64.number(name).unwrap();
        let (answer, steps) = run(&program, &Call { number, arch: Arch::X86_64.audit(), args });
        assert_eq!(answer, ERRNO | (at as u32 + 2), "{name}");
        assert!(steps < 32, "{name} took {steps} instructions");
        args[5] += 1;
        assert_eq!(run(&program, &Call { number, arch: Arch::X86_64.audit(), args }).0, ALLOW);
    }
}

#[test]
fn broken_profiles_are_refused() {
    for (profile, complaint) in [
        (json!({}), "defaultAction"),
        (json!({"defaultAction": "SCMP_ACT_NONE"}), "SCMP_ACT_NONE"),
        (json!({"defaultAction": "SCMP_ACT_ALLOW", "surprise": 1}), "surprise"),
        (json!({"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}), "takes none"),
        (json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5000}), "5000"),
        (json!({"defaultAction": "SCMP_ACT_NOTIFY"}), "NOTIFY"),
        (json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/x"}), "listener"),
        (json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_Z80"]}), "SCMP_ARCH_Z80"),
        (json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [], "action": "SCMP_ACT_ERRNO"}]}), "name"),
        (
            json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO",
                   "args": [{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}]}]}),
            "argument 6",
        ),
        (
            json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO",
                   "args": [{"index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_MASKED_EQ"}]}]}),
            "never",
        ),
    ] {
        let said = refused(profile);
        assert!(said.contains(complaint), "{said}");
    }
    let flags = json!({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_NEW_LISTENER"]});
    assert!(Filter::compile(flags).unwrap_err().to_string().contains("NEW_LISTENER"));
}

#[test]
fn a_filter_is_stored_and_read_back() {
    let filter = Filter::compile(json!({"defaultAction": "SCMP_ACT_ALLOW",
        "flags": ["SECCOMP_FILTER_FLAG_LOG"], "syscalls": [{"names": ["mkdirat"], "action": "SCMP_ACT_ERRNO"}]}))
    .unwrap();
    let bytes = filter.to_bytes();
    assert_eq!(Filter::from_bytes(&bytes).unwrap(), filter);
    assert!(Filter::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    assert!(Filter::from_bytes(&[]).is_err());
}
