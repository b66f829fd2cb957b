//! What still runs in the background when the shell is done.
//!
//! brush runs `LIST &` inside the shell's own process, where other shells fork. So the shell's end would take away what is not
//! started yet: a lone program goes on by itself once it runs, all else needs the shell until its end.

use std::fs;
use std::time::Duration;

use brush_core::{Shell, ShellExtensions};
use brush_parser::ast;
use tokio::runtime::Handle;

/// How often to look: short beside the start of a program, which takes a millisecond.
const PACE: Duration = Duration::from_millis(1);

/// Wait until nothing in the background needs this process. At a terminal only programs are waited for, and only for their
/// start: a person who leaves is not held.
pub async fn settle<SE: ShellExtensions>(shell: &mut Shell<SE>) {
    let leaves = shell.options().interactive;
    loop {
        // A job whose outcome can't be told is over, too.
        let _ = shell.jobs_mut().poll();
        let (lone, others): (Vec<_>, Vec<_>) =
            shell.jobs().jobs.iter().partition(|job| is_lone_program(shell, &job.command_line));
        // `(PROGRAM &)` is a job of a subshell, which is gone: it shows among the tasks only.
        let to_start = if leaves { lone.len() } else { Handle::current().metrics().num_alive_tasks() };
        if (others.is_empty() || leaves) && (to_start == 0 || to_start <= children()) {
            return;
        }
        tokio::time::sleep(PACE).await;
    }
}

/// One program without pipes, lists and loops; no builtin and no function, which would live in this process.
fn is_lone_program<SE: ShellExtensions>(shell: &Shell<SE>, line: &str) -> bool {
    let Ok(program) = shell.parse_string(line) else { return false };
    let [ast::CompoundList(items)] = program.complete_commands.as_slice() else { return false };
    let [ast::CompoundListItem(list, _)] = items.as_slice() else { return false };
    let [ast::Command::Simple(command)] = list.first.seq.as_slice() else { return false };
    let name = command.word_or_name.as_ref().map(|word| word.value.as_str());
    list.additional.is_empty()
        && name.is_some_and(|name| !shell.builtins().contains_key(name) && shell.funcs().get(name).is_none())
}

/// How many children this process has. Where the kernel can't say, none: then the shell waits longer than it had to.
fn children() -> usize {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .map(|pids| pids.split_whitespace().count())
        .sum()
}
