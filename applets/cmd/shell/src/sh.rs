//! `sh` and `bash` run commands from a file, an argument, standard input or a person. `--help` lists the options.
//!
//! Both are brush and understand bash's language; `sh` starts in POSIX mode. On a terminal they edit lines, keep a history
//! in memory and control jobs (`fg`, `bg`, Ctrl-Z).

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::IsTerminal;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use brush_builtins::{BuiltinSet, ShellBuilderExt};
use brush_core::builtins::{CommandExecuteFunc, ContentOptions, ContentType, Registration, simple_builtin};
use brush_core::extensions::{ErrorFormatter, ShellExtensionsImpl};
use brush_core::openfiles::OpenFile;
use brush_core::{ProfileLoadBehavior, RcLoadBehavior, Shell, ShellExtensions, ShellVariable, SourceInfo};
use kit::{Applet, Context, Error, Exit, Place, Result};

use crate::kill::Kill;
use crate::options::Options;
use crate::rewrite::{BECOME, START};
use crate::settle::settle;
use crate::state::State;
use crate::talk::talk;
use crate::words::EVAL;
use crate::{background, eval, interrupt, trap, wait};

/// The POSIX shell.
pub const SH: Applet = Applet { name: "sh", about: "run commands", place: Place::Bin, run };
/// The same shell by bash's name.
pub const BASH: Applet = Applet { name: "bash", about: "run commands, bash's language", place: Place::Bin, run };

/// The commands' folders when nobody set PATH.
const DEFAULT_PATH: &str = "/bin:/sbin:/usr/bin:/usr/sbin";
/// Folder, then `#` for root or `$`.
const PROMPT: &str = "\\w \\$ ";
/// Commands inside the shell block the thread they run on; a pipeline of that many loops still moves. Idle ones cost a few KiB.
const THREADS: usize = 16;

type Extensions = ShellExtensionsImpl<Errors>;

/// Errors as `sh: sentence`.
#[derive(Clone, Debug, Default)]
struct Errors;

impl ErrorFormatter for Errors {
    fn format_error(&self, error: &brush_core::Error, _: &Shell<impl brush_core::ShellExtensions>) -> String {
        format!("sh: {error:#}\n")
    }
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options = Options::parse(args)?;
    let name = args.first().map(|a| a.to_string_lossy().into_owned()).unwrap_or_default();
    let state = if options.child { Some(begin_as_child()?) } else { None };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .doing("start the shell's threads")?;
    let code = runtime.block_on(async {
        match state {
            Some(state) => child(state).await,
            None => session(options, name).await,
        }
    });
    // A thread that is blocked in a read must not hold the exit.
    runtime.shutdown_background();
    code.map(Exit)
}

/// Set the shell up, run what it is asked to, give its last status.
async fn session(options: Options, name: String) -> Result<u8> {
    let interactive = is_interactive(&options);
    let mut shell = build(&options, name, interactive).await.doing("start the shell")?;
    if interactive {
        shell.env_mut().unset("HISTFILE").doing("keep the history in memory")?;
    }
    let profile = if options.no_profile { ProfileLoadBehavior::Skip } else { ProfileLoadBehavior::LoadDefault };
    let rc = if options.no_rc { RcLoadBehavior::Skip } else { RcLoadBehavior::LoadDefault };
    shell.load_config(&profile, &rc).await.doing("read the profile")?;
    if let Some(command) = options.command {
        return run_text(shell, command, "-c").await;
    }
    if let (false, Some((script, arguments))) = (options.stdin, options.operands.split_first()) {
        if !Path::new(script).exists() {
            return Err(Error::new(format!("open {script}: no such file or directory")).with_exit(Exit::NOT_FOUND));
        }
        // A script that can't be read as text is brush's to judge.
        let text = std::fs::read_to_string(script).ok();
        if let Some(text) = text.filter(|text| eval::rewritten(&shell, text).is_some()) {
            *shell.current_shell_args_mut() = arguments.to_vec();
            eval::be_script();
            return run_text(shell, text, script).await;
        }
        shell.run_script(Path::new(script), arguments.iter()).await.map_err(|e| said(&e))?;
        settle(&mut shell).await;
        return Ok(shell.last_exit_status());
    }
    talk(shell).await
}

/// Run commands that are all of a script. Gives the last status.
async fn run_text(mut shell: Shell<Extensions>, text: String, name: &str) -> Result<u8> {
    shell.start_command_string_mode();
    let params = shell.default_exec_params();
    eval::run(&mut shell, text, &SourceInfo::from(name), &params).await.map_err(|e| said(&e))?;
    shell.end_command_string_mode().map_err(|e| said(&e))?;
    shell.on_exit().await.map_err(|e| said(&e))?;
    settle(&mut shell).await;
    Ok(shell.last_exit_status())
}

/// Before there are threads: what the shell that started this one has to tell.
fn begin_as_child() -> Result<State> {
    // The kernel's name for it would be that of the link to this program.
    rustix::thread::set_name(c"sh").doing("name this process")?;
    let text = eval::take_input().doing("read the state of the shell that started this one")?;
    let state = State::read(&text)?;
    eval::be_child_of(state.shell);
    if !state.has_jobs() {
        sys::fds::ignore_keyboard();
    }
    Ok(state)
}

/// Run a list in the background of another shell.
async fn child(mut state: State) -> Result<u8> {
    let mut shell = build(&Options::default(), state.name.clone(), false).await.doing("start the shell")?;
    state.apply(&mut shell).doing("take over the shell's state")?;
    run_text(shell, state.text, EVAL).await
}

async fn build(options: &Options, name: String, interactive: bool) -> Result<Shell<Extensions>, brush_core::Error> {
    let posix = name.trim_start_matches('-').ends_with("sh") && !name.ends_with("bash");
    let has_command = options.command.is_some();
    let (shell_name, shell_args) = match (has_command, options.stdin, options.operands.split_first()) {
        (true, _, Some((name, rest))) => (name.clone(), Some(rest.to_vec())),
        (false, true, _) => (name, Some(options.operands.clone())),
        (_, _, Some((script, _))) => (script.clone(), None),
        _ => (name, None),
    };
    let (look_out, stop) = interrupt::builtin::<Extensions>();
    let mut builder = Shell::builder_with_extensions::<Extensions>()
        .default_builtins(BuiltinSet::BashMode)
        .builtin(look_out, stop)
        .builtin("kill", simple_builtin::<Kill, Extensions>())
        .builtins(own_builtins(interactive))
        .enable_options(options.on.clone())
        .disable_options(options.off.clone())
        .do_not_execute_commands(options.no_execute)
        .login(options.login)
        .interactive(interactive)
        .command_string_mode(has_command)
        .read_commands_from_stdin(!has_command && (options.stdin || options.operands.is_empty()))
        .profile(ProfileLoadBehavior::Skip)
        .rc(RcLoadBehavior::Skip)
        .posix(posix)
        .shell_name(shell_name)
        .maybe_shell_args(shell_args)
        .shell_product_display_str("kutties sh (brush)".into())
        .error_formatter(Errors)
        .fds(open_files())
        .shell_version(env!("CARGO_PKG_VERSION").into());
    for (name, value) in missing_variables(interactive) {
        let mut variable = ShellVariable::new(value);
        if name != "PS1" {
            variable.export();
        }
        builder = builder.var(name, variable);
    }
    let mut shell = builder.build().await?;
    shell.env_mut().set_global("BASH_SOURCE", eval::bash_source())?;
    Ok(shell)
}

/// The builtins that take brush's background away. At a terminal jobs stay brush's, which knows Ctrl-Z, `fg` and `bg`.
fn own_builtins(interactive: bool) -> HashMap<String, Registration<Extensions>> {
    let all: [(&str, CommandExecuteFunc<Extensions>, bool); 9] = [
        (START, background::start, false),
        (BECOME, background::become_program, false),
        (EVAL, eval::eval, false),
        ("eval", eval::eval, true),
        (".", eval::dot, true),
        ("source", eval::dot, false),
        ("trap", trap::trap, true),
        ("wait", wait::wait, false),
        ("jobs", wait::jobs, false),
    ];
    let used = all.into_iter().filter(|_| !interactive);
    used.map(|(name, execute, special)| (name.to_owned(), registration(execute, special))).collect()
}

fn registration<SE: ShellExtensions>(execute_func: CommandExecuteFunc<SE>, special_builtin: bool) -> Registration<SE> {
    let content_func = |name: &str, _: ContentType, _: &ContentOptions| Ok(format!("{name}: see `sh`\n"));
    Registration { execute_func, content_func, disabled: false, special_builtin, declaration_builtin: false }
}

/// What was left open for this shell. The standard files are plain ones: input thus has no buffer: what `read` leaves belongs to the next command. And `2>&1` finds
/// the file behind 1, where brush would let a program inherit its own 2 instead.
fn open_files() -> HashMap<i32, OpenFile> {
    let copies = [
        std::io::stdin().as_fd().try_clone_to_owned(),
        std::io::stdout().as_fd().try_clone_to_owned(),
        std::io::stderr().as_fd().try_clone_to_owned(),
    ];
    let standard = (0..).zip(copies).filter_map(|(number, copy)| Some((number, copy.ok()?)));
    let others = sys::fds::inherited().into_iter().map(|file| (file.as_raw_fd(), file));
    standard.chain(others).map(|(number, file)| (number, OpenFile::from(File::from(file)))).collect()
}

/// What a shell needs to know and its caller did not say: PID 1 starts it with next to nothing.
fn missing_variables(interactive: bool) -> Vec<(&'static str, &'static str)> {
    let mut wanted = vec![("PATH", DEFAULT_PATH)];
    if interactive {
        wanted.push(("PS1", PROMPT));
        if rustix::process::geteuid().is_root() {
            wanted.push(("HOME", "/root"));
        }
    }
    wanted.retain(|(name, _)| std::env::var_os(name).is_none());
    wanted
}

/// POSIX: when asked to be, or with nothing to run and a terminal to talk through.
fn is_interactive(options: &Options) -> bool {
    let nothing_to_run = options.command.is_none() && (options.stdin || options.operands.is_empty());
    options.interactive || (nothing_to_run && std::io::stdin().is_terminal() && std::io::stderr().is_terminal())
}

fn said(error: &brush_core::Error) -> Error {
    Error::new(format!("{error:#}"))
}
