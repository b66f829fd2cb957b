//! The conversation: a prompt, a command, its output, until the input ends.

use std::io::{self, IsTerminal, Write};

use brush_core::terminal::TerminalControl;
use brush_core::{ExecutionControlFlow, Shell, ShellExtensions, SourceInfo};
use kit::{Context, Result};

use crate::input::{Input, Read};
use crate::settle::settle;
use crate::{eval, interrupt};

/// Read and run commands until the input ends or one asks to leave. Gives the last status.
pub async fn talk<SE: ShellExtensions>(mut shell: Shell<SE>) -> Result<u8> {
    let interactive = shell.options().interactive;
    // Given back when the conversation ends.
    let _terminal = if io::stdin().is_terminal() { TerminalControl::acquire().ok() } else { None };
    shell.start_interactive_session().doing("start the conversation")?;
    if interactive {
        interrupt::watch(&mut shell).await.doing("look out for Ctrl-C")?;
    }
    let mut input = Input::default();
    loop {
        let (prompt, more) = if interactive { prompts(&mut shell).await? } else { Default::default() };
        match input.read(&mut shell, &prompt, &more).doing("read a command")? {
            Read::Command(text) => {
                if run(&mut shell, text).await? {
                    break;
                }
            }
            Read::Interrupted => shell.set_last_exit_status(interrupt::STATUS),
            Read::End => break,
        }
    }
    if interactive {
        // Nothing is left to tell it to when standard error is closed.
        let _ = writeln!(shell.stderr(), "exit");
    }
    shell.end_interactive_session().doing("end the conversation")?;
    shell.on_exit().await.doing("run what was left for the end")?;
    settle(&mut shell).await;
    Ok(shell.last_exit_status())
}

/// What is due before a prompt, and the prompts themselves.
async fn prompts<SE: ShellExtensions>(shell: &mut Shell<SE>) -> Result<(String, String)> {
    if interrupt::forget(shell) {
        // As above.
        let _ = writeln!(io::stderr());
    }
    shell.check_for_completed_jobs().doing("look after jobs")?;
    let status = shell.last_exit_status();
    if let Some(command) = shell.env_str("PROMPT_COMMAND").map(std::borrow::Cow::into_owned) {
        let params = shell.default_exec_params();
        shell.run_string(command, &SourceInfo::from("PROMPT_COMMAND"), &params).await.doing("run PROMPT_COMMAND")?;
        shell.set_last_exit_status(status);
    }
    let prompt = shell.compose_prompt().await.doing("make the prompt")?;
    let more = shell.compose_continuation_prompt().await.doing("make the prompt")?;
    Ok((prompt, more))
}

/// Run one command. True when it asked to leave the shell.
async fn run<SE: ShellExtensions>(shell: &mut Shell<SE>, text: String) -> Result<bool> {
    shell.add_to_history(text.trim_end_matches('\n')).doing("remember the command")?;
    let lines = text.lines().count().max(1);
    let params = shell.default_exec_params();
    let leaves = match eval::run(shell, text, &SourceInfo::from("main"), &params).await {
        Ok(result) => matches!(result.next_control_flow, ExecutionControlFlow::ExitShell) && !interrupt::caused(&result),
        Err(e) => {
            // As above.
            let _ = shell.display_error(&mut shell.stderr(), &e);
            false
        }
    };
    shell.increment_interactive_line_offset(lines);
    Ok(leaves)
}
