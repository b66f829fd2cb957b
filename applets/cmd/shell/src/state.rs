//! A shell's state, handed to a child shell: variables that are not exported, functions, aliases, options, parameters. A child
//! inherits the rest: open files, folder, exported variables.
//!
//! On the way it is text: fields that end with NUL, which no word of a shell can hold.

use std::collections::BTreeMap;
use std::fmt::Write;

use brush_core::namedoptions::{ShellOptionKind, options};
use brush_core::variables::{ShellValueUnsetType, ShellVariableUpdateTransform as Transform};
use brush_core::{Error, Shell, ShellExtensions, ShellValue, ShellVariable, SourceInfo};
use brush_parser::ast::{Command, FunctionDefinition, Program};
use kit::Result as Checked;

use crate::background::OWNER;
use crate::print;
use crate::words::EVAL;

/// What a child shell is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct State {
    /// `$0`.
    pub name: String,
    /// `$$`.
    pub shell: u32,
    /// `$?`.
    pub status: u8,
    /// Names of the options that are on: of `set -o`, then of `shopt`.
    pub options: [Vec<String>; 2],
    /// The folder as the shell calls it.
    pub folder: String,
    /// `$1` and so on.
    pub arguments: Vec<String>,
    /// Aliases and what they stand for.
    pub aliases: Vec<(String, String)>,
    /// Definitions of functions, and whether they are exported.
    pub functions: Vec<(bool, String)>,
    /// Variables: name, attributes as `declare` has them (`-` for none set), then keys and values; a plain one has one value.
    pub variables: Vec<(String, String, Vec<String>)>,
    /// The commands.
    pub text: String,
}

const KINDS: [ShellOptionKind; 2] = [ShellOptionKind::SetO, ShellOptionKind::Shopt];
/// Attributes of a variable without a value, and of one that is not shown in lists.
const UNSET: char = '-';
const HIDDEN: char = 'h';

/// What a child of this shell is to know. `text` is what it runs.
pub fn of<SE: ShellExtensions>(shell: &Shell<SE>, text: &str, number: u32) -> State {
    let options = KINDS.map(|kind| {
        let known = options(kind);
        let on = known.iter().filter(|option| option.definition.get(shell.options()));
        on.map(|option| option.name.to_owned()).collect()
    });
    // A child has no children yet.
    let own = |name: &str, variable: &ShellVariable| name == OWNER || matches!(variable.value(), ShellValue::Dynamic { .. });
    let variables = shell.env().iter().filter(|(name, variable)| !own(name, variable));
    State {
        name: shell.current_shell_name().map(Into::into).unwrap_or_default(),
        shell: number,
        status: shell.last_exit_status(),
        options,
        folder: shell.working_dir().to_string_lossy().into_owned(),
        arguments: shell.current_shell_args().to_vec(),
        aliases: shell.aliases().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        functions: shell.funcs().iter().map(|(_, own)| (own.is_exported(), print::function(own.definition()))).collect(),
        variables: variables.map(|(name, variable)| packed(shell, name, variable)).collect(),
        text: if shell.in_function() { in_function(text) } else { text.to_owned() },
    }
}

/// `local` and `return` are allowed there.
fn in_function(text: &str) -> String {
    format!("kutties-list () {{\n{text}\n}}\nkutties-list \"$@\"")
}

fn packed<SE: ShellExtensions>(shell: &Shell<SE>, name: &str, variable: &ShellVariable) -> (String, String, Vec<String>) {
    let mut flags = variable.attribute_flags(shell);
    if !variable.is_enumerable() {
        flags.push(HIDDEN);
    }
    let values = match variable.value() {
        ShellValue::String(value) => vec![value.clone()],
        ShellValue::IndexedArray(map) => map.iter().flat_map(|(key, value)| [key.to_string(), value.clone()]).collect(),
        ShellValue::AssociativeArray(map) => map.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect(),
        ShellValue::Unset(_) | ShellValue::Dynamic { .. } => {
            flags.push(UNSET);
            Vec::new()
        }
    };
    (name.to_owned(), flags, values)
}

fn unpacked(flags: &str, values: Vec<String>) -> ShellVariable {
    let has = |flag| flags.contains(flag);
    let pairs = values.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
    let value = match (has('a'), has('A'), has(UNSET)) {
        (true, _, true) => ShellValue::Unset(ShellValueUnsetType::IndexedArray),
        (_, true, true) => ShellValue::Unset(ShellValueUnsetType::AssociativeArray),
        (_, _, true) => ShellValue::Unset(ShellValueUnsetType::Untyped),
        (true, ..) => ShellValue::IndexedArray(pairs.filter_map(|(key, value)| Some((key.parse().ok()?, value))).collect()),
        (_, true, _) => ShellValue::AssociativeArray(pairs.collect::<BTreeMap<_, _>>()),
        _ => ShellValue::String(values.into_iter().next().unwrap_or_default()),
    };
    let mut variable = ShellVariable::new(value);
    for flag in flags.chars() {
        match flag {
            'c' => variable.set_update_transform(Transform::Capitalize),
            'l' => variable.set_update_transform(Transform::Lowercase),
            'u' => variable.set_update_transform(Transform::Uppercase),
            'i' => {
                variable.treat_as_integer();
            }
            'n' => {
                variable.treat_as_nameref();
            }
            't' => {
                variable.enable_trace();
            }
            'x' => {
                variable.export();
            }
            'r' => {
                variable.set_readonly();
            }
            HIDDEN => {
                variable.hide_from_enumeration();
            }
            _ => (),
        }
    }
    variable
}

impl State {
    /// As bytes for a child.
    pub fn write(&self) -> String {
        let mut out = Writer(String::new());
        for field in [&self.name, &self.shell.to_string(), &self.status.to_string(), &self.folder] {
            out.field(field);
        }
        self.options.iter().for_each(|names| out.fields(names));
        out.fields(&self.arguments);
        out.fields(&self.aliases.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect::<Vec<_>>());
        out.fields(&self.functions.iter().map(|(exported, text)| format!("{}{text}", u8::from(*exported))).collect::<Vec<_>>());
        out.field(&self.variables.len().to_string());
        for (name, flags, values) in &self.variables {
            out.field(name);
            out.field(flags);
            out.fields(values);
        }
        out.field(&self.text);
        out.0
    }

    /// What [`State::write`] wrote.
    ///
    /// # Errors
    /// When fields are missing or no numbers where numbers belong.
    pub fn read(text: &str) -> Checked<Self> {
        Self::fields(&mut text.split('\0'))
            .ok_or_else(|| kit::Error::new("read the state of the shell that started this one: it is damaged"))
    }

    fn fields<'a>(from: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut state = Self {
            name: from.next()?.to_owned(),
            shell: number(from)?,
            status: number(from)?,
            folder: from.next()?.to_owned(),
            options: [many(from)?, many(from)?],
            arguments: many(from)?,
            ..Self::default()
        };
        state.aliases = many(from)?.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        for function in many(from)? {
            state.functions.push((function.starts_with('1'), function.get(1..)?.to_owned()));
        }
        for _ in 0..number::<usize>(from)? {
            state.variables.push((from.next()?.to_owned(), from.next()?.to_owned(), many(from)?));
        }
        Some(Self { text: from.next()?.to_owned(), ..state })
    }

    /// Whether the shell gives each job a process group of its own.
    pub fn has_jobs(&self) -> bool {
        self.options[0].iter().any(|name| name == "monitor")
    }

    /// Make a shell know it.
    ///
    /// # Errors
    /// As brush has them for what it refuses.
    pub fn apply<SE: ShellExtensions>(&mut self, shell: &mut Shell<SE>) -> Result<(), Error> {
        // The folder may be gone; the process is in it nevertheless.
        let _ = shell.set_working_dir(&self.folder);
        for (kind, names) in KINDS.into_iter().zip(&self.options) {
            for option in options(kind).iter() {
                let on = names.iter().any(|name| name == option.name);
                option.definition.set(shell.options_mut(), on);
            }
        }
        shell.aliases_mut().extend(self.aliases.drain(..));
        for (exported, text) in self.functions.drain(..) {
            define(shell, exported, &text, self.shell);
        }
        for (name, flags, values) in self.variables.drain(..) {
            shell.env_mut().set_global(name, unpacked(&flags, values))?;
        }
        *shell.current_shell_args_mut() = std::mem::take(&mut self.arguments);
        shell.set_last_exit_status(self.status);
        Ok(())
    }
}

fn define<SE: ShellExtensions>(shell: &mut Shell<SE>, exported: bool, text: &str, number: u32) {
    let options = shell.parser_options();
    // It was printed by this program from what had been parsed; what does not parse was no function that could be called.
    let Ok(mut program) = shell.parse_string(text) else { return };
    crate::rewrite::rewrite(&mut program, Some(number), &options);
    let Some(definition) = only_function(program) else { return };
    let name = definition.fname.value.clone();
    shell.define_func(name.clone(), definition, &SourceInfo::from(EVAL));
    if let (true, Some(function)) = (exported, shell.func_mut(&name)) {
        function.export();
    }
}

fn only_function(program: Program) -> Option<FunctionDefinition> {
    let list = program.complete_commands.into_iter().next()?;
    let item = list.0.into_iter().next()?;
    match item.0.first.seq.into_iter().next()? {
        Command::Function(definition) => Some(definition),
        _ => None,
    }
}

struct Writer(String);

impl Writer {
    fn field(&mut self, field: &str) {
        // Writing into a string can't fail.
        let _ = write!(self.0, "{}\0", field.replace('\0', ""));
    }

    /// How many there are, and each.
    fn fields(&mut self, fields: &[String]) {
        self.field(&fields.len().to_string());
        for field in fields {
            self.field(field);
        }
    }
}

fn number<'a, T: std::str::FromStr>(from: &mut impl Iterator<Item = &'a str>) -> Option<T> {
    from.next()?.parse().ok()
}

fn many<'a>(from: &mut impl Iterator<Item = &'a str>) -> Option<Vec<String>> {
    let count: usize = number(from)?;
    (0..count).map(|_| Some(from.next()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let state = State {
            name: "script".into(),
            shell: 12,
            status: 3,
            options: [vec!["errexit".into()], vec!["extglob".into(), "nullglob".into()]],
            folder: "/tmp/a b".into(),
            arguments: vec![String::new(), "two\nlines".into()],
            aliases: vec![("ll".into(), "ls -l".into())],
            functions: vec![(true, "f () {\n}\n".into()), (false, "g () { x; }".into())],
            variables: vec![
                ("plain".into(), "x".into(), vec!["va'lue".into()]),
                ("map".into(), "A".into(), vec!["k".into(), String::new()]),
                ("unset".into(), "a-".into(), Vec::new()),
            ],
            text: "echo 'x\ty'".into(),
        };
        let bytes = state.write();
        assert_eq!(State::read(&bytes).unwrap(), state);
        for cut in 0..bytes.len() - state.text.len() - 1 {
            assert!(State::read(&bytes[..cut]).map_or(true, |part| part.text != state.text), "cut at {cut}");
        }
        assert!(State::read("").is_err());
        assert!(State::read(&["a", "1", "2", "/", "999999999999", ""].join("\0")).is_err());
    }
}
