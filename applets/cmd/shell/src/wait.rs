//! The builtins `wait` and `jobs`, over the children of `background.rs`.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use brush_core::builtins::BoxFuture;
use brush_core::traps::TrapSignal;
use brush_core::{CommandArg, Error, ExecutionContext, ExecutionResult, Shell, ShellExtensions, ShellVariable};
use nix::sys::signal::Signal;
use tokio::signal::unix::SignalKind;

use crate::background::{Children, Job, changes, owner};
use crate::eval::run;
use crate::rewrite::BECOME;

/// The status for what is no child of this shell.
const NO_CHILD: u8 = 127;

/// What `wait` was asked.
#[derive(Default)]
struct Wish {
    /// `-n`: the next one that ends.
    next: bool,
    /// `-p`: the variable that is told which one.
    tell: Option<String>,
    /// Processes and jobs; none for all.
    operands: Vec<String>,
}

fn wish(args: &[CommandArg]) -> Result<Wish, String> {
    let mut words = args.iter().skip(1).map(ToString::to_string).peekable();
    let mut wish = Wish::default();
    while let Some(word) = words.next_if(|word| word.len() > 1 && word.starts_with('-')) {
        match word.as_str() {
            "--" => break,
            "-n" => wish.next = true,
            // Jobs that only stop are waited for anyway.
            "-f" => (),
            "-p" => wish.tell = Some(words.next().ok_or("-p needs the name of a variable")?),
            "-np" | "-fnp" => {
                wish.next = true;
                wish.tell = Some(words.next().ok_or("-p needs the name of a variable")?);
            }
            _ => return Err(format!("{word}: no such option")),
        }
    }
    wish.operands = words.collect();
    Ok(wish)
}

/// The builtin `wait`.
pub fn wait<SE: ShellExtensions>(
    context: ExecutionContext<'_, SE>,
    args: Vec<CommandArg>,
) -> BoxFuture<'_, Result<ExecutionResult, Error>> {
    Box::pin(async move {
        let wish = match wish(&args) {
            Ok(wish) => wish,
            Err(why) => {
                writeln!(context.stderr(), "wait: {why}")?;
                return Ok(ExecutionResult::new(2));
            }
        };
        let own = owner(context.shell, false).unwrap_or_default();
        let mut signals = Signals::of(context.shell)?;
        let answer = answer(&context, &mut signals, own, &wish).await?;
        drop(signals);
        let (pid, status) = match answer {
            Answer::Ended(pid, status) => (pid, status),
            Answer::Trapped(signal) => return trapped(context, signal).await,
        };
        if let Some(name) = &wish.tell {
            context.shell.env_mut().unset(name)?;
            if pid != 0 {
                context.shell.env_mut().set_global(name, ShellVariable::new(pid.to_string()))?;
            }
        }
        // bash remembers what it told, POSIX forgets it.
        Children::now().forget(context.shell.options().posix_mode || wish.operands.is_empty());
        Ok(ExecutionResult::new(status))
    })
}

async fn answer<SE: ShellExtensions>(
    context: &ExecutionContext<'_, SE>,
    signals: &mut Signals,
    own: u64,
    wish: &Wish,
) -> Result<Answer, Error> {
    if wish.next {
        return signals.until(|children| any(children, own, &wish.operands)).await;
    }
    if wish.operands.is_empty() {
        return signals.until(|children| all(children, own)).await;
    }
    let mut last = Answer::Ended(0, 0);
    for word in &wish.operands {
        last = signals.until(|children| one(children, own, word)).await?;
        match last {
            Answer::Trapped(_) => return Ok(last),
            Answer::Ended(0, _) => writeln!(context.stderr(), "wait: {word}: no child of this shell")?,
            Answer::Ended(..) => (),
        }
    }
    Ok(last)
}

/// A signal came for which the script has commands: they are run, and the wait is over.
async fn trapped<SE: ShellExtensions>(context: ExecutionContext<'_, SE>, signal: Signal) -> Result<ExecutionResult, Error> {
    let status = ExecutionResult::new(u8::try_from(128 + signal as i32).unwrap_or(u8::MAX));
    let Some(handler) = context.shell.traps().get_handler(TrapSignal::Signal(signal)).cloned() else { return Ok(status) };
    let result = run(context.shell, handler.command, &handler.source_info, &context.params).await?;
    Ok(if result.is_normal_flow() { status } else { result })
}

/// What a wait came to.
enum Answer {
    /// A process, and how it ended; no process where none was meant or known.
    Ended(u32, u8),
    Trapped(Signal),
}

/// What was found in the table: there is something to wait for, or an answer; none when nothing fits.
enum Found {
    Runs,
    Ended(Option<(u32, u8)>),
}

type Listeners = Vec<(Signal, tokio::signal::unix::Signal)>;

/// Those of trapped signals. They stay, so that the next wait hears of a signal that comes before it.
static LISTENERS: Mutex<Listeners> = Mutex::new(Vec::new());

/// Signals that end or interrupt a wait.
struct Signals {
    children: tokio::signal::unix::Signal,
    trapped: Listeners,
}

impl Signals {
    /// For a shell, whose subshells do not inherit traps.
    fn of<SE: ShellExtensions>(shell: &Shell<SE>) -> Result<Self, Error> {
        let mut trapped = std::mem::take(&mut *LISTENERS.lock().unwrap_or_else(PoisonError::into_inner));
        for (trap, handler) in shell.traps().iter_handlers().filter(|_| !shell.is_subshell()) {
            if let TrapSignal::Signal(signal) = trap
                && !handler.command.is_empty()
                && !trapped.iter().any(|(known, _)| *known == signal)
            {
                let kind = SignalKind::from_raw(signal as i32);
                // What can't be caught can be trapped nevertheless, to no avail.
                trapped.extend(tokio::signal::unix::signal(kind).ok().map(|listener| (signal, listener)));
            }
        }
        // Made before the first look, so that no end is missed.
        Ok(Self { children: changes()?, trapped })
    }

    /// Look whenever a child ended, until there is an answer.
    async fn until(&mut self, mut look: impl FnMut(&mut Children) -> Found + Send) -> Result<Answer, Error> {
        loop {
            if let Found::Ended(answer) = look(&mut Children::now()) {
                let (pid, status) = answer.unwrap_or((0, NO_CHILD));
                return Ok(Answer::Ended(pid, status));
            }
            let interrupt = std::future::poll_fn(|task| {
                for (signal, listener) in &mut self.trapped {
                    if listener.poll_recv(task).is_ready() {
                        return Poll::Ready(Some(*signal));
                    }
                }
                self.children.poll_recv(task).map(|_| None)
            });
            if let Some(signal) = interrupt.await {
                return Ok(Answer::Trapped(signal));
            }
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        LISTENERS.lock().unwrap_or_else(PoisonError::into_inner).append(&mut self.trapped);
    }
}

fn tell(job: &mut Job) -> Found {
    match job.status {
        None => Found::Runs,
        Some(status) => {
            job.told = true;
            Found::Ended(Some((job.pid, status)))
        }
    }
}

fn one(children: &mut Children, own: u64, word: &str) -> Found {
    children.find(own, word).map_or(Found::Ended(None), tell)
}

fn all(children: &mut Children, own: u64) -> Found {
    if children.of(own).any(|job| job.status.is_none()) {
        return Found::Runs;
    }
    children.of(own).for_each(|job| job.told = true);
    Found::Ended(Some((0, 0)))
}

/// The first that ended and was not told yet, of those or of all.
fn any(children: &mut Children, own: u64, words: &[String]) -> Found {
    let mut runs = false;
    if words.is_empty() {
        for job in children.of(own).filter(|job| !job.told) {
            match tell(job) {
                Found::Runs => runs = true,
                ended @ Found::Ended(_) => return ended,
            }
        }
    }
    for word in words {
        match children.find(own, word).filter(|job| !job.told).map(tell) {
            Some(Found::Runs) => runs = true,
            Some(ended) => return ended,
            None => (),
        }
    }
    if runs { Found::Runs } else { Found::Ended(None) }
}

/// The builtin `jobs`: `-p` for numbers alone, `-l` for numbers too, `-r` for those that run.
pub fn jobs<SE: ShellExtensions>(
    context: ExecutionContext<'_, SE>,
    args: Vec<CommandArg>,
) -> BoxFuture<'_, Result<ExecutionResult, Error>> {
    Box::pin(async move {
        let (options, words): (Vec<_>, Vec<_>) =
            args.iter().skip(1).map(ToString::to_string).partition(|word| word.starts_with('-'));
        // `$(jobs -p)` is asked in a subshell and means its parent's.
        let own = owner(context.shell, true).unwrap_or_default();
        let (lines, missing) = list(own, &options.concat(), &words);
        for word in &missing {
            writeln!(context.stderr(), "jobs: {word}: no such job")?;
        }
        write!(context.stdout(), "{lines}")?;
        Ok(ExecutionResult::new(u8::from(!missing.is_empty())))
    })
}

/// The lines for jobs, all or those that words name, and the words that name none.
fn list(own: u64, options: &str, words: &[String]) -> (String, Vec<String>) {
    let mut children = Children::now();
    if words.is_empty() {
        return (children.of(own).filter_map(|job| line(job, options)).collect(), Vec::new());
    }
    let mut lines = String::new();
    let mut missing = Vec::new();
    for word in words {
        match children.find(own, word) {
            Some(job) => lines.extend(line(job, options)),
            None => missing.push(word.clone()),
        }
    }
    (lines, missing)
}

/// A job's line; none for one whose end was told already, or that was not asked for.
fn line(job: &mut Job, options: &str) -> Option<String> {
    let has = |letter| options.contains(letter);
    if job.told || (has('r') && job.status.is_some()) || has('s') {
        return None;
    }
    let (number, pid, text) = (job.number, job.pid, job.text.replace(&format!("{BECOME} "), ""));
    if has('p') {
        return Some(format!("{pid}\n"));
    }
    let state = match job.status {
        None => "Running".to_owned(),
        Some(0) => "Done".to_owned(),
        Some(status) => format!("Exit {status}"),
    };
    job.told = job.status.is_some();
    let pid = if has('l') { format!(" {pid}") } else { String::new() };
    Some(format!("[{number}]{pid} {state}\t{text}\n"))
}
