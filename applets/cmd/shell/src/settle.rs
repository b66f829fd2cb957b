//! What of brush still runs inside this process when the shell is done, and would end with it: the commands of `>(…)`, and at a
//! terminal, where jobs are brush's, a program that is about to be started. Lists in the background are processes (`background.rs`).

use std::fs;
use std::time::Duration;

use brush_core::{Shell, ShellExtensions};
use tokio::runtime::Handle;

use crate::background::Children;

/// How often to look: short beside the start of a program, which takes a millisecond.
const PACE: Duration = Duration::from_millis(1);

/// Wait until each thing that runs in this process has become a program, which goes on by itself. A person who leaves is held for
/// as many only as there are jobs.
pub async fn settle<SE: ShellExtensions>(shell: &mut Shell<SE>) {
    loop {
        let to_start = if shell.options().interactive {
            // A job whose outcome can't be told is over, too.
            let _ = shell.jobs_mut().poll();
            shell.jobs().jobs.iter().filter(|job| is_program(shell, job.command_name())).count()
        } else {
            Handle::current().metrics().num_alive_tasks()
        };
        if to_start == 0 || to_start <= children().saturating_sub(Children::now().running()) {
            return;
        }
        tokio::time::sleep(PACE).await;
    }
}

/// No builtin and no function, which would live in this process.
fn is_program<SE: ShellExtensions>(shell: &Shell<SE>, name: &str) -> bool {
    let own = shell.builtins().contains_key(name) || shell.funcs().get(name).is_some();
    !own && shell.find_first_executable_in_path(name).is_some()
}

/// How many children this process has. Where the kernel can't say, none: then the shell waits longer than it had to.
fn children() -> usize {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .map(|pids| pids.split_whitespace().count())
        .sum()
}
