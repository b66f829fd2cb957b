//! `linux.seccomp` of a container's configuration, read strictly: what is not understood refuses the container.

use kit::{Context, Error, Result};
use serde::Deserialize;
use serde_json::Value;

use super::answer::{ALLOW, ERRNO, KILL_PROCESS, KILL_THREAD, LOG, TRACE, TRAP};

/// The largest errno that a filter can answer (`MAX_ERRNO`).
const MAX_ERRNO: u32 = 4095;
/// Error of a refused call when the profile names no errno.
const EPERM: u32 = 1;
/// A system call has six arguments.
const ARGUMENTS: u32 = 6;

/// The profile as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    default_action: Action,
    default_errno_ret: Option<u32>,
    /// `SCMP_ARCH_*`: what may call the kernel besides the machine's own architecture.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// `SECCOMP_FILTER_FLAG_*`; none given is not the same as none wanted.
    pub flags: Option<Vec<String>>,
    #[serde(default)]
    listener_path: String,
    #[serde(default)]
    listener_metadata: String,
    /// The rules.
    #[serde(default)]
    pub syscalls: Vec<Rule>,
}

/// Rule: the action for calls of some names, on some arguments.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// The calls' names.
    pub names: Vec<String>,
    action: Action,
    errno_ret: Option<u32>,
    /// Conditions of the arguments.
    #[serde(default)]
    pub args: Vec<Argument>,
}

/// One comparison of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Argument {
    /// Number of the argument, from 0.
    pub index: u32,
    /// Value that it is compared with; the mask of a masked comparison.
    pub value: u64,
    /// Value that a masked comparison must give.
    #[serde(default)]
    pub value_two: u64,
    /// Operator of the comparison.
    pub op: Operator,
}

/// Operators that compare an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
pub enum Operator {
    /// Not equal.
    #[serde(rename = "SCMP_CMP_NE")]
    Ne,
    /// Less.
    #[serde(rename = "SCMP_CMP_LT")]
    Lt,
    /// Less or equal.
    #[serde(rename = "SCMP_CMP_LE")]
    Le,
    /// Equal.
    #[serde(rename = "SCMP_CMP_EQ")]
    Eq,
    /// Greater or equal.
    #[serde(rename = "SCMP_CMP_GE")]
    Ge,
    /// Greater.
    #[serde(rename = "SCMP_CMP_GT")]
    Gt,
    /// Equal in the bits of a mask.
    #[serde(rename = "SCMP_CMP_MASKED_EQ")]
    MaskedEq,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Action {
    #[serde(rename = "SCMP_ACT_KILL")]
    Kill,
    #[serde(rename = "SCMP_ACT_KILL_THREAD")]
    KillThread,
    #[serde(rename = "SCMP_ACT_KILL_PROCESS")]
    KillProcess,
    #[serde(rename = "SCMP_ACT_TRAP")]
    Trap,
    #[serde(rename = "SCMP_ACT_ERRNO")]
    Errno,
    #[serde(rename = "SCMP_ACT_TRACE")]
    Trace,
    #[serde(rename = "SCMP_ACT_ALLOW")]
    Allow,
    #[serde(rename = "SCMP_ACT_LOG")]
    Log,
    #[serde(rename = "SCMP_ACT_NOTIFY")]
    Notify,
}

impl Profile {
    /// Read and check a profile.
    pub fn read(value: Value) -> Result<Self> {
        let profile: Self = serde_json::from_value(value).doing("read the seccomp profile")?;
        if !profile.listener_path.is_empty() || !profile.listener_metadata.is_empty() {
            return Err(Error::new("seccomp profile: a listener (listenerPath, listenerMetadata) is not supported"));
        }
        profile.rules_make_sense()?;
        Ok(profile)
    }

    /// The answer to calls that no rule names.
    pub fn default(&self) -> Result<u32> {
        answer(self.default_action, self.default_errno_ret)
    }

    fn rules_make_sense(&self) -> Result<()> {
        for rule in &self.syscalls {
            if rule.names.is_empty() || rule.names.iter().any(String::is_empty) {
                return Err(Error::new("seccomp profile: a rule without a system call's name"));
            }
            for arg in &rule.args {
                if arg.index >= ARGUMENTS {
                    return Err(Error::new(format!("seccomp profile: there is no argument {}", arg.index)));
                }
                if arg.op == Operator::MaskedEq && arg.value_two & !arg.value != 0 {
                    return Err(Error::new(format!(
                        "seccomp profile: an argument masked by {:#x} can never be {:#x}",
                        arg.value, arg.value_two
                    )));
                }
            }
        }
        Ok(())
    }
}

impl Rule {
    /// The answer to calls that the rule names.
    pub fn answer(&self) -> Result<u32> {
        answer(self.action, self.errno_ret)
    }
}

/// The kernel's return value of an action, with its errno in the low half.
fn answer(action: Action, errno: Option<u32>) -> Result<u32> {
    let takes_errno = matches!(action, Action::Errno | Action::Trace);
    if errno.is_some() && !takes_errno {
        return Err(Error::new("seccomp profile: an errno with an action that takes none"));
    }
    let errno = errno.unwrap_or(EPERM);
    if errno > MAX_ERRNO {
        return Err(Error::new(format!("seccomp profile: errno {errno} is past {MAX_ERRNO}")));
    }
    match action {
        Action::Kill | Action::KillThread => Ok(KILL_THREAD),
        Action::KillProcess => Ok(KILL_PROCESS),
        Action::Trap => Ok(TRAP),
        Action::Errno => Ok(ERRNO | errno),
        Action::Trace => Ok(TRACE | errno),
        Action::Log => Ok(LOG),
        Action::Allow => Ok(ALLOW),
        Action::Notify => Err(Error::new("seccomp profile: SCMP_ACT_NOTIFY is not supported")),
    }
}
