//! Runs commands after they were rewritten (`rewrite.rs`): for the shell itself, and as the builtins `eval`, `.` and `source`, since
//! brush's own would parse them behind our back.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use brush_core::builtins::BoxFuture;
use brush_core::callstack::FrameType;
use brush_core::openfiles::OpenFile;
use brush_core::{
    CommandArg, Error, ExecutionContext, ExecutionParameters, ExecutionResult, Shell, ShellExtensions, ShellState, ShellValue,
    ShellVariable, SourceInfo,
};
use brush_parser::ast::Program;

use crate::rewrite::rewrite;
use crate::words::{EVAL, quote};

/// The process that `$$` names; 0 where that is this one.
static SHELL: AtomicU32 = AtomicU32::new(0);
/// Whether a script is run that brush did not read itself.
static SCRIPT: AtomicBool = AtomicBool::new(false);
/// Files that are read by way of a rewritten copy, by the copy's name.
static COPIES: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);

/// What `$$` is in this process.
pub fn shell_number() -> u32 {
    match SHELL.load(Ordering::Relaxed) {
        0 => std::process::id(),
        number => number,
    }
}

/// This is a child of the shell with that number.
pub fn be_child_of(number: u32) {
    SHELL.store(number, Ordering::Relaxed);
}

/// The script that `$0` names is run by way of its text.
pub fn be_script() {
    SCRIPT.store(true, Ordering::Relaxed);
}

/// The commands as they have to be run; nothing when that is as they stand, or when they don't parse. Commands that a person types
/// stay, too: jobs at a terminal are brush's.
pub fn rewritten<SE: ShellExtensions>(shell: &Shell<SE>, text: &str) -> Option<Program> {
    if shell.options().interactive {
        return None;
    }
    let number = Some(SHELL.load(Ordering::Relaxed)).filter(|number| *number != 0);
    let options = shell.parser_options();
    let suspect = text.contains('&') || text.contains("$!") || text.contains("${!");
    if !suspect && !(number.is_some() && (text.contains("$$") || text.contains("${$"))) {
        return None;
    }
    let mut program = shell.parse_string(text).ok()?;
    rewrite(&mut program, number, &options).then_some(program)
}

/// Run commands.
///
/// # Errors
/// As brush has them where commands can't be run at all; errors of the commands themselves are shown.
pub async fn run<SE: ShellExtensions>(
    shell: &mut Shell<SE>,
    text: String,
    source: &SourceInfo,
    params: &ExecutionParameters,
) -> Result<ExecutionResult, Error> {
    let Some(program) = rewritten(shell, &text) else { return shell.run_string(text, source, params).await };
    match shell.run_program(program, params).await {
        Ok(result) => Ok(result),
        Err(error) => {
            // Nothing is left to tell it to when standard error is closed.
            let _ = shell.display_error(&mut params.stderr(shell), &error);
            let result = error.into_result(shell);
            shell.set_last_exit_status(result.exit_code.into());
            Ok(result)
        }
    }
}

/// The builtin `eval`.
pub fn eval<SE: ShellExtensions>(
    context: ExecutionContext<'_, SE>,
    args: Vec<CommandArg>,
) -> BoxFuture<'_, Result<ExecutionResult, Error>> {
    Box::pin(async move {
        let mut words: Vec<_> = args.iter().skip(1).map(ToString::to_string).collect();
        if words.first().is_some_and(|word| word == "--") {
            words.remove(0);
        }
        if words.is_empty() {
            return Ok(ExecutionResult::success());
        }
        let source = context.shell.call_stack().current_pos_as_source_info();
        run(context.shell, words.join(" "), &source, &context.params).await
    })
}

/// The builtins `.` and `source`.
pub fn dot<SE: ShellExtensions>(
    context: ExecutionContext<'_, SE>,
    args: Vec<CommandArg>,
) -> BoxFuture<'_, Result<ExecutionResult, Error>> {
    Box::pin(async move {
        let mut words = args.iter().skip(1).map(ToString::to_string).filter(|word| word != "--");
        let Some(name) = words.next() else {
            writeln!(context.stderr(), "{}: name a file", context.command_name)?;
            return Ok(ExecutionResult::new(2));
        };
        let path = find(context.shell, &name);
        let copy = context.shell.absolute_path(&path);
        // Of a file that can't be read brush says why.
        let text = if copy.is_file() { std::fs::read_to_string(&copy).ok() } else { None };
        let Some(text) = text.filter(|text| rewritten(context.shell, text).is_some()) else {
            return context.shell.source_script(&path, words, &context.params).await;
        };
        let file = in_memory("script", &format!("{EVAL} {}", quote(&text)))?;
        let copy = format!("/proc/self/fd/{}", file.as_raw_fd());
        remember(&copy, &path);
        context.shell.source_script(Path::new(&copy), words, &context.params).await
    })
}

/// A name without a slash is looked for in PATH, then here.
fn find<SE: ShellExtensions>(shell: &Shell<SE>, name: &str) -> PathBuf {
    if name.contains('/') {
        return name.into();
    }
    let path = shell.env_str("PATH").unwrap_or_default();
    let places = path.split(':').map(|folder| shell.absolute_path(folder).join(name));
    places.into_iter().find(|place| place.is_file()).unwrap_or_else(|| name.into())
}

/// A file with that content, at its beginning.
pub fn in_memory(name: &str, content: &str) -> Result<File, Error> {
    let memory = rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC).map_err(std::io::Error::from)?;
    let mut file = File::from(memory);
    file.write_all(content.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

fn remember(copy: &str, path: &Path) {
    let mut copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
    copies.get_or_insert_default().insert(copy.to_owned(), path.to_string_lossy().into_owned());
}

/// `BASH_SOURCE`, where files are read by way of a copy and the script itself by way of no file.
pub fn bash_source() -> ShellVariable {
    ShellVariable::new(ShellValue::Dynamic { getter: sources, setter: |_| () })
}

fn sources(shell: &dyn ShellState) -> ShellValue {
    let copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
    let script = shell.current_shell_name().unwrap_or_default();
    let name = |source: &str| match copies.as_ref().and_then(|copies| copies.get(source)) {
        Some(path) => path.clone(),
        // brush's own names for what it did not read from a file.
        None if SCRIPT.load(Ordering::Relaxed) && matches!(source, "environment" | "main" | "-c" | EVAL) => {
            script.clone().into_owned()
        }
        None => source.to_owned(),
    };
    let mut all: Vec<String> = Vec::new();
    for frame in shell.call_stack().iter() {
        match &frame.frame_type {
            FrameType::Function(call) => all.push(name(&call.function.source().source)),
            FrameType::Script(call) => all.push(name(&call.source_info.source)),
            _ => (),
        }
    }
    if SCRIPT.load(Ordering::Relaxed) {
        all.push(script.clone().into_owned());
    }
    ShellValue::indexed_array_from_strings(all)
}

/// Standard input as a text, which then reads from nowhere.
///
/// # Errors
/// When it can't be read, or is no text.
pub fn take_input() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text)?;
    let nowhere = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nowhere)?;
    Ok(text)
}

/// A file for a process's standard input.
pub fn as_input(params: &mut ExecutionParameters, file: File) {
    params.set_fd(0, OpenFile::from(file));
}
