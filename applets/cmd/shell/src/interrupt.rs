//! Ctrl-C ends what is being run, loops included. brush itself only lets the program die that runs in the foreground.
//!
//! A DEBUG trap runs before each command of an interactive shell and looks whether Ctrl-C was pressed, or killed the last
//! program. Then it puts a builtin in front of the command that is about to run, which asks to leave the shell: that leaves
//! all loops and functions. The conversation knows what was meant, takes the builtin away and shows the next prompt.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use brush_builtins::{BuiltinSet, default_builtins};
use brush_core::builtins::{ContentOptions, ContentType, Registration, SimpleCommand, simple_builtin};
use brush_core::{Error, ExecutionContext, ExecutionControlFlow, ExecutionResult, Shell, ShellExtensions, SourceInfo};
use tokio::signal::unix::{SignalKind, signal};

/// The status of a command that Ctrl-C ended.
pub const STATUS: u8 = 130;
/// The name of the look-out; it says what it is for whoever lists traps.
const LOOK_OUT: &str = "kutties-stop-on-ctrl-c";

/// Ctrl-C was pressed since the last prompt.
static PRESSED: AtomicBool = AtomicBool::new(false);
/// No command was run since the last prompt, so the last status is an older one's.
static FRESH: AtomicBool = AtomicBool::new(true);
/// The commands that a stop stands in front of, and whether the shell was in POSIX mode before.
static STOPPED: Mutex<Vec<(String, bool)>> = Mutex::new(Vec::new());

/// The look-out's name and what it does.
pub fn builtin<SE: ShellExtensions>() -> (&'static str, Registration<SE>) {
    (LOOK_OUT, simple_builtin::<LookOut, SE>())
}

/// Begin to look out.
pub async fn watch<SE: ShellExtensions>(shell: &mut Shell<SE>) -> Result<(), Error> {
    let mut presses = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        while presses.recv().await.is_some() {
            PRESSED.store(true, Ordering::Relaxed);
        }
    });
    let params = shell.default_exec_params();
    let trap = format!("trap '{LOOK_OUT} \"$BASH_COMMAND\"' DEBUG; set -T");
    shell.run_string(trap, &SourceInfo::from("interrupt"), &params).await?;
    Ok(())
}

/// Before a prompt: forget Ctrl-C. True when it ended the last command, whose `^C` stands on the screen without an end of line.
pub fn forget<SE: ShellExtensions>(shell: &mut Shell<SE>) -> bool {
    let ran = !FRESH.swap(true, Ordering::Relaxed);
    for (name, posix) in STOPPED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        shell.options_mut().posix_mode = posix;
        match default_builtins(BuiltinSet::BashMode).remove(&name) {
            Some(own) => shell.register_builtin(name, own),
            None => shell.builtin_mut(&name).map_or((), |stop| stop.disabled = true),
        }
    }
    if PRESSED.swap(false, Ordering::Relaxed) {
        shell.set_last_exit_status(STATUS);
    }
    ran && shell.last_exit_status() == STATUS
}

/// Whether that result is ours, and not somebody's wish to leave the shell.
pub fn caused(result: &ExecutionResult) -> bool {
    PRESSED.load(Ordering::Relaxed) && u8::from(result.exit_code) == STATUS
}

/// Gets the command that is about to run as its argument.
struct LookOut;

impl SimpleCommand for LookOut {
    fn get_content(_: &str, _: ContentType, _: &ContentOptions) -> Result<String, Error> {
        Ok("stops what is run when Ctrl-C was pressed\n".into())
    }

    fn execute<SE: ShellExtensions, I: Iterator<Item = S>, S: AsRef<str>>(
        context: ExecutionContext<'_, SE>,
        args: I,
    ) -> Result<ExecutionResult, Error> {
        let shell = context.shell;
        let killed = !FRESH.swap(false, Ordering::Relaxed) && shell.last_exit_status() == STATUS;
        PRESSED.fetch_or(killed, Ordering::Relaxed);
        if !PRESSED.load(Ordering::Relaxed) {
            return Ok(ExecutionResult::success());
        }
        let command = args.last().map(|a| a.as_ref().to_owned()).unwrap_or_default();
        if let Some(name) = command.split_whitespace().next() {
            let mut stopped = STOPPED.lock().unwrap_or_else(PoisonError::into_inner);
            stopped.insert(0, (name.to_owned(), shell.options().posix_mode));
            // In POSIX mode a special builtin comes before a function of that name.
            shell.options_mut().posix_mode = true;
            shell.register_builtin(name, simple_builtin::<Stop, SE>().special());
        }
        Ok(ExecutionResult::success())
    }
}

struct Stop;

impl SimpleCommand for Stop {
    fn get_content(name: &str, _: ContentType, _: &ContentOptions) -> Result<String, Error> {
        Ok(format!("{name} was stopped by Ctrl-C\n"))
    }

    fn execute<SE: ShellExtensions, I: Iterator<Item = S>, S: AsRef<str>>(
        _: ExecutionContext<'_, SE>,
        _: I,
    ) -> Result<ExecutionResult, Error> {
        let mut result = ExecutionResult::new(STATUS);
        result.next_control_flow = ExecutionControlFlow::ExitShell;
        Ok(result)
    }
}
