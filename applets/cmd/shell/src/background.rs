//! Lists in the background: each is a child process of its own, this program again, that is told the shell's state (`state.rs`).
//!
//! brush would run them inside the shell's process, where they have no number, can't be killed, and end with the shell.

use std::io::{ErrorKind, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

use brush_core::builtins::BoxFuture;
use brush_core::commands::{ShellForCommand, SimpleCommand, compose_std_command};
use brush_core::results::ExecutionWaitResult;
use brush_core::{CommandArg, Error, ExecutionContext, ExecutionResult, Shell, ShellExtensions, ShellVariable};
use brush_parser::ast::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::eval::{as_input, in_memory, shell_number};
use crate::rewrite::{become_last, is_pipeline};
use crate::words::LAST;
use crate::{print, state};

/// The option that makes a shell a child that reads its state.
pub const CHILD: &str = "kutties-background";
/// This program.
const OWN: &str = "/proc/self/exe";
/// The same where there is no /proc yet.
const SHELL: &str = "/bin/sh";
/// Who owns the children: depth of the subshell, and a number of its own. A subshell lives in the same process and copies it.
pub const OWNER: &str = "_kutties_children";
/// So many ended children are remembered for whoever asks.
const REMEMBERED: usize = 1024;

/// All children of this process's shells.
static CHILDREN: Mutex<Children> = Mutex::new(Children { all: Vec::new(), owners: 0 });

/// A process in the background.
pub struct Job {
    /// The number after `%`.
    pub number: usize,
    /// The process.
    pub pid: u32,
    /// What it runs.
    pub text: String,
    /// How it ended.
    pub status: Option<u8>,
    /// Whether `wait` told how it ended.
    pub told: bool,
    owner: u64,
    child: Child,
}

/// The children of one shell.
pub struct Children {
    all: Vec<Job>,
    owners: u64,
}

impl Children {
    /// The table, with what has ended since.
    pub fn now() -> MutexGuard<'static, Self> {
        let mut children = CHILDREN.lock().unwrap_or_else(PoisonError::into_inner);
        for job in children.all.iter_mut().filter(|job| job.status.is_none()) {
            // A child that can't be asked is nobody's any more.
            job.status = job.child.try_wait().map_or(Some(127), |ended| ended.map(code));
        }
        children
    }

    /// Those of a shell.
    pub fn of(&mut self, owner: u64) -> impl Iterator<Item = &mut Job> {
        self.all.iter_mut().filter(move |job| job.owner == owner)
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.all.iter().filter(|job| job.status.is_none()).count()
    }

    /// The one that a word names: a process's number, `%N`, `%%`, `%+`, `%-` or `%TEXT` that it begins with.
    pub fn find(&mut self, owner: u64, word: &str) -> Option<&mut Job> {
        let Some(spec) = word.strip_prefix('%') else {
            let pid: u32 = word.parse().ok()?;
            return self.of(owner).filter(|job| job.pid == pid).last();
        };
        let mut untold: Vec<_> = self.of(owner).filter(|job| !job.told).collect();
        let back = match spec {
            "" | "%" | "+" => 1,
            "-" => 2,
            _ => {
                let number = spec.parse().unwrap_or(0);
                return untold.into_iter().rfind(|job| job.number == number || (number == 0 && job.text.starts_with(spec)));
            }
        };
        let at = untold.len().checked_sub(back)?;
        Some(untold.swap_remove(at))
    }

    /// Forget what was told, and what nobody asked for while very many ended.
    pub fn forget(&mut self, told: bool) {
        let mut ended = self.all.iter().filter(|job| job.status.is_some()).count();
        self.all.retain(|job| {
            let keep = job.status.is_none() || (ended <= REMEMBERED && !(told && job.told));
            ended -= usize::from(!keep);
            keep
        });
    }

    fn add(&mut self, owner: u64, child: Child, text: String) {
        let number = self.of(owner).filter(|job| !job.told).map(|job| job.number).max().unwrap_or(0) + 1;
        self.all.push(Job { number, pid: child.id(), text, status: None, told: false, owner, child });
    }
}

/// A status as `$?` has it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
    u8::try_from(code & 0xff).unwrap_or(u8::MAX)
}

/// Whose children this shell's are. A subshell has none before it starts one, unless it only `looks` at its parent's.
pub fn owner<SE: ShellExtensions>(shell: &Shell<SE>, looks: bool) -> Option<u64> {
    let value = shell.env_str(OWNER)?;
    let (depth, owner) = value.split_once(':')?;
    (looks || depth.parse() == Ok(shell.depth())).then(|| owner.parse().ok())?
}

fn become_owner<SE: ShellExtensions>(shell: &mut Shell<SE>) -> Result<u64, Error> {
    if let Some(owner) = owner(shell, false) {
        return Ok(owner);
    }
    let mut children = Children::now();
    children.owners += 1;
    let own = children.owners;
    drop(children);
    remember(shell, OWNER, format!("{}:{own}", shell.depth()))?;
    Ok(own)
}

fn remember<SE: ShellExtensions>(shell: &mut Shell<SE>, name: &str, value: String) -> Result<(), Error> {
    let mut variable = ShellVariable::new(value);
    variable.hide_from_enumeration();
    shell.env_mut().set_global(name, variable)
}

/// Wait until a child ended since `changes` was made.
///
/// # Errors
/// When the kernel gives no signals.
pub fn changes() -> Result<tokio::signal::unix::Signal, Error> {
    Ok(signal(SignalKind::child())?)
}

/// The builtin that starts a list: its argument is the list's text.
pub fn start<SE: ShellExtensions>(
    mut context: ExecutionContext<'_, SE>,
    args: Vec<CommandArg>,
) -> BoxFuture<'_, Result<ExecutionResult, Error>> {
    Box::pin(async move {
        let text = args.get(1).map(ToString::to_string).unwrap_or_default();
        let text = with_last_as_process(context.shell, text);
        let owner = become_owner(context.shell)?;
        let told = state::of(context.shell, &text, shell_number()).write();
        as_input(&mut context.params, in_memory("state", &told)?);
        let own = if Path::new(OWN).exists() { OWN } else { SHELL };
        let mut command = compose_std_command(&context, own, "sh", &[format!("--{CHILD}")], false)?;
        if context.shell.options().enable_job_control {
            command.process_group(0);
        }
        let child = command.spawn()?;
        remember(context.shell, LAST, child.id().to_string())?;
        let mut children = Children::now();
        children.forget(false);
        children.add(owner, child, text);
        Ok(ExecutionResult::success())
    })
}

/// In a pipeline of programs the last one is the process that `$!` names, as in other shells. Whether they are programs is known only
/// now.
fn with_last_as_process<SE: ShellExtensions>(shell: &Shell<SE>, text: String) -> String {
    let Ok(mut program) = shell.parse_string(text.as_str()) else { return text };
    let is_program = |command: &Command| match command {
        Command::Simple(command) => command.word_or_name.as_ref().is_some_and(|word| {
            let name = word.value.as_str();
            let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._+-".contains(letter));
            plain
                && !shell.builtins().contains_key(name)
                && shell.funcs().get(name).is_none()
                && !shell.aliases().contains_key(name)
        }),
        _ => false,
    };
    let Some(list) = is_pipeline(&mut program) else { return text };
    if !list.first.seq.iter().all(is_program) {
        return text;
    }
    become_last(list);
    print::list(list)
}

/// The builtin that becomes the program that its arguments are; what is no program is run as it is.
pub fn become_program<SE: ShellExtensions>(
    context: ExecutionContext<'_, SE>,
    args: Vec<CommandArg>,
) -> BoxFuture<'_, Result<ExecutionResult, Error>> {
    Box::pin(async move {
        let args: Vec<_> = args.into_iter().skip(1).collect();
        let Some(name) = args.first().map(ToString::to_string) else { return Ok(ExecutionResult::success()) };
        let own = context.shell.builtins().contains_key(&name) || context.shell.funcs().get(&name).is_some();
        let path =
            if name.contains('/') { Some(name.clone().into()) } else { context.shell.find_first_executable_in_path(&name) };
        let (false, Some(path)) = (own, path) else {
            let command = SimpleCommand::new(ShellForCommand::ParentShell(context.shell), context.params, name, args);
            return match command.execute().await?.wait().await? {
                ExecutionWaitResult::Completed(result) => Ok(result),
                ExecutionWaitResult::Stopped(_) => Ok(ExecutionResult::stopped()),
            };
        };
        let words: Vec<_> = args.iter().skip(1).map(ToString::to_string).collect();
        let error = compose_std_command(&context, &path.to_string_lossy(), &name, &words, false)?.exec();
        writeln!(context.stderr(), "sh: {name}: {}", error.to_string().to_lowercase())?;
        Ok(ExecutionResult::new(if error.kind() == ErrorKind::NotFound { 127 } else { 126 }))
    })
}
