//! Scripts line by line: labels, operators, limits.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::images::Image;
use super::settings::Setting;
use super::{Choice, End, World};

/// The most commands that are run, and scripts within scripts: a script may loop.
const STEPS: usize = 10_000;
pub(super) const DEPTH: usize = 8;
/// The longest value of a variable, in bytes, and the most variables.
pub(super) const VALUE: usize = 16 << 10;
pub(super) const VARIABLES: usize = 512;

pub(super) struct Machine<'a> {
    pub world: &'a mut dyn World,
    pub set: BTreeMap<String, Setting>,
    pub images: Vec<Image>,
    /// The name of the image that `boot` starts.
    pub selected: Option<String>,
    pub menus: BTreeMap<String, Choice>,
    /// Forms by name.
    pub forms: BTreeMap<String, Vec<(String, String)>>,
    /// Seconds that were slept, and files that were fetched.
    pub slept: u64,
    pub fetched: usize,
    steps: usize,
}

pub(super) enum Step {
    Next,
    Goto(String),
    End(End),
}

/// Outcome of a command: a step, or an error that `||` may catch.
pub(super) type Run = Result<Step, String>;

pub(super) fn run(text: &str, base: &str, world: &mut dyn World) -> Result<End, String> {
    let mut machine = Machine {
        world,
        set: BTreeMap::new(),
        images: Vec::new(),
        selected: None,
        menus: BTreeMap::new(),
        forms: BTreeMap::new(),
        slept: 0,
        fetched: 0,
        steps: 0,
    };
    match machine.script(text, base, 0)? {
        Step::End(end) => Ok(end),
        // A script that ends with a kernel and without `boot` is booted, too.
        _ if machine.selected.is_some() => machine.boot().map(|()| End::Boot),
        _ => Ok(End::Exit(0)),
    }
}

impl Machine<'_> {
    /// Run a script to its end, or to a command that ends all.
    pub fn script(&mut self, text: &str, base: &str, depth: usize) -> Run {
        if depth > DEPTH {
            return Err(format!("{base}: scripts call one another more than {DEPTH} deep"));
        }
        let lines: Vec<String> = joined(text);
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            at += 1;
            self.steps += 1;
            if self.steps > STEPS {
                return Err(format!("{base}: the script runs for more than {STEPS} commands"));
            }
            let place = |why: String| format!("{base}: line {at}: {why}");
            match self.line(line, base, depth).map_err(place)? {
                Step::Next => {}
                Step::Goto(label) => {
                    let own = |line: &String| line.trim().strip_prefix(':').is_some_and(|own| own.trim() == label);
                    let found = lines.iter().position(own);
                    at = found.ok_or_else(|| format!("{base}: line {at}: there is no label {label}"))?;
                }
                end @ Step::End(_) => return Ok(end),
            }
        }
        Ok(Step::Next)
    }

    fn line(&mut self, line: &str, base: &str, depth: usize) -> Run {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ':']) {
            return Ok(Step::Next);
        }
        // Commands with `&&`, `||` and `;` between; a word is one of these only by itself.
        let (mut outcome, mut asked): (Run, bool) = (Ok(Step::Next), true);
        for (operator, words) in commands(line) {
            let run = match operator {
                Some("&&") => outcome.is_ok(),
                Some("||") => outcome.is_err(),
                _ => true,
            };
            if !run {
                continue;
            }
            if let (Err(why), false) = (&outcome, asked) {
                // Else nobody would learn why something else is tried.
                self.world.say(why);
            }
            asked = words.first().is_none_or(|name| matches!(*name, "isset" | "iseq" | "cpuid" | "prompt"));
            let words = words.iter().map(|word| self.expand(word, 0)).collect::<Result<Vec<_>, _>>();
            outcome = words.and_then(|words| self.command(&words, base, depth));
            if matches!(outcome, Ok(Step::Goto(_) | Step::End(_))) {
                return outcome;
            }
        }
        outcome
    }

    /// Keep a setting.
    pub fn put(&mut self, name: &str, setting: Setting) -> Run {
        let room = self.set.len() < VARIABLES || self.set.contains_key(name);
        if setting.bytes.len() > VALUE || name.len() > VALUE || !room {
            return Err(format!("{name} and the others take too much room"));
        }
        self.set.insert(name.to_string(), setting);
        Ok(Step::Next)
    }
}

/// Lines, of which a backslash at the end joins the next one.
fn joined(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut whole = String::new();
    for line in text.lines() {
        if let Some(part) = line.strip_suffix('\\') {
            whole.push_str(part);
        } else {
            whole.push_str(line);
            lines.push(core::mem::take(&mut whole));
        }
    }
    lines.push(whole);
    lines
}

/// The commands of a line with the operator before each; a comment ends it.
fn commands(line: &str) -> Vec<(Option<&str>, Vec<&str>)> {
    let mut commands = alloc::vec![(None, Vec::new())];
    for word in line.split_whitespace() {
        match (word, commands.last_mut()) {
            (word, _) if word.starts_with('#') => break,
            ("&&" | "||" | ";", _) => commands.push((Some(word), Vec::new())),
            (_, Some((_, words))) => words.push(word),
            _ => {}
        }
    }
    commands
}
