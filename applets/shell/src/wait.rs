//! The builtins `wait` and `jobs`, over the children of `background.rs`.

use std::io::Write;

use brush_core::builtins::BoxFuture;
use brush_core::{CommandArg, Error, ErrorKind, ExecutionContext, ExecutionResult, ShellExtensions, ShellVariable};

use crate::background::{Children, Job, changes, owner};
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
        let mut ended = (0, 0);
        if wish.next {
            ended = until(|children| any(children, own, &wish.operands)).await?.unwrap_or((0, NO_CHILD));
        } else if wish.operands.is_empty() {
            until(|children| all(children, own)).await?;
        }
        for word in wish.operands.iter().filter(|_| !wish.next) {
            ended = until(|children| one(children, own, word)).await?.unwrap_or((0, NO_CHILD));
            if ended.0 == 0 {
                writeln!(context.stderr(), "wait: {word}: no child of this shell")?;
            }
        }
        if let Some(name) = &wish.tell {
            context.shell.env_mut().unset(name)?;
            if ended.0 != 0 {
                context.shell.env_mut().set_global(name, ShellVariable::new(ended.0.to_string()))?;
            }
        }
        // bash remembers what it told, POSIX forgets it.
        Children::now().forget(context.shell.options().posix_mode || wish.operands.is_empty());
        Ok(ExecutionResult::new(ended.1))
    })
}

/// What was found in the table: there is something to wait for, or an answer; none when nothing fits.
enum Found {
    Runs,
    Ended(Option<(u32, u8)>),
}

/// Look whenever a child ended, until there is an answer: a process and its status.
async fn until(mut look: impl FnMut(&mut Children) -> Found + Send) -> Result<Option<(u32, u8)>, Error> {
    // Before the first look, so that no end is missed.
    let mut changes = changes()?;
    loop {
        if let Found::Ended(answer) = look(&mut Children::now()) {
            return Ok(answer);
        }
        if changes.recv().await.is_none() {
            return Err(ErrorKind::InternalError("no more signals come".into()).into());
        }
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
    Found::Ended(None)
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
