//! seccomp: `linux.seccomp` compiled to the program that the kernel runs before each system call.

mod answer;
mod arch;
mod assembler;
mod compile;
#[cfg(test)]
mod machine;
mod profile;
#[cfg(test)]
mod tests;

use kit::{Error, Result};
use serde_json::Value;
use sys::seccomp::Insn;

use arch::Arch;
use profile::Profile;

/// The profile's flags that are real here, with the kernel's bits.
pub const FLAGS: [(&str, u32); 3] =
    [("SECCOMP_FILTER_FLAG_TSYNC", 1), ("SECCOMP_FILTER_FLAG_LOG", 2), ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4)];

/// Flags of a profile that gives none, as in runc: mitigations that cost speed are the container's own choice (prctl).
const FLAGS_DEFAULT: u32 = 4;

/// A program with the flags to load it with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    program: Vec<Insn>,
    flags: u32,
}

impl Filter {
    /// Compile `linux.seccomp` for this machine.
    pub fn compile(profile: Value) -> Result<Self> {
        let profile = Profile::read(profile)?;
        let flags = flags(&profile)?;
        Ok(Self { program: compile::compile(&profile, Arch::NATIVE)?, flags })
    }

    /// Put it on the calling process, for good.
    pub fn load(&self) -> std::io::Result<()> {
        sys::seccomp::load(&self.program, self.flags)
    }

    /// The flags, then each instruction, little endian: what `exec` reads back.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.flags.to_le_bytes().to_vec();
        for insn in &self.program {
            bytes.extend(insn.code.to_le_bytes());
            bytes.extend([insn.jt, insn.jf]);
            bytes.extend(insn.k.to_le_bytes());
        }
        bytes
    }

    /// The reverse of [`Filter::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let broken = || Error::new("the container's stored seccomp filter is broken");
        let (flags, rest) = bytes.split_first_chunk::<4>().ok_or_else(broken)?;
        let (insns, rest) = rest.as_chunks::<8>();
        if insns.is_empty() || !rest.is_empty() {
            return Err(broken());
        }
        let insn = |[c0, c1, jt, jf, k @ ..]: &[u8; 8]| Insn {
            code: u16::from_le_bytes([*c0, *c1]),
            jt: *jt,
            jf: *jf,
            k: u32::from_le_bytes(*k),
        };
        Ok(Self { program: insns.iter().map(insn).collect(), flags: u32::from_le_bytes(*flags) })
    }
}

/// The names of the architectures that this machine can run.
pub fn architectures() -> Vec<&'static str> {
    arch::NAMES.into_iter().filter(|(_, arch)| arch.runs_on(Arch::NATIVE)).map(|(name, _)| name).collect()
}

fn flags(profile: &Profile) -> Result<u32> {
    let Some(names) = &profile.flags else { return Ok(FLAGS_DEFAULT) };
    names.iter().try_fold(0, |bits, name| match FLAGS.iter().find(|(known, _)| known == name) {
        Some((_, bit)) => Ok(bits | bit),
        None => Err(Error::new(format!("seccomp profile: flag {name} is not supported"))),
    })
}
