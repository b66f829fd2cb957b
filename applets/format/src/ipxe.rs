//! iPXE's scripts: the commands that find something to boot. No input or output here: a [`World`] does it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A script begins with it.
pub const MAGIC: &str = "#!ipxe";
/// The most commands that are run, and scripts within scripts: a script may loop.
const STEPS: usize = 10_000;
const DEPTH: usize = 8;
/// The longest value of a variable, in bytes, and the most variables.
const VALUE: usize = 16 << 10;
const VARIABLES: usize = 512;

/// What a script wants of the outside.
pub trait World {
    /// A variable that the script has not set: `mac`, `net0/ip`, `uuid`, `platform` and the like.
    fn variable(&mut self, name: &str) -> Option<String>;
    /// The text of another script, relative to `base`; its own name becomes the next one's base.
    fn script(&mut self, base: &str, uri: &str) -> Result<(String, String), String>;
    /// A word to whoever watches.
    fn say(&mut self, text: &str);
    /// Let somebody choose, for so many milliseconds (0 for ever); none when nobody wants any of them.
    fn choose(&mut self, menu: &Choice) -> Option<usize>;
}

/// A menu of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Above it.
    pub title: String,
    /// Labels and what a person sees.
    pub items: Vec<(String, String)>,
    /// The item that is taken when the time is over.
    pub default: usize,
    /// In milliseconds; 0 means to wait.
    pub timeout: u32,
}

/// What a script has found: where things are, relative to the script that named them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The kernel: the script's place and the URI in it.
    pub kernel: Option<(String, String)>,
    /// The segments, likewise.
    pub initrds: Vec<(String, String)>,
    /// The command line.
    pub words: String,
}

/// How a script ends.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// With something to boot.
    Boot(Found),
    /// Without.
    Exit,
}

/// Run a script whose own place is `base`.
///
/// # Errors
/// A sentence about the command that failed with nothing behind it to catch that, or that is not known.
pub fn run(text: &str, base: &str, world: &mut dyn World) -> Result<End, String> {
    let mut machine = Machine { world, set: BTreeMap::new(), found: Found::default(), menu: Choice::default(), steps: 0 };
    let end = machine.script(text, base, 0)?;
    Ok(if matches!(end, Step::Boot) { End::Boot(machine.found) } else { End::Exit })
}

struct Machine<'a> {
    world: &'a mut dyn World,
    set: BTreeMap<String, String>,
    found: Found,
    menu: Choice,
    steps: usize,
}

enum Step {
    Next,
    Goto(String),
    Boot,
    Exit,
}

/// Why a command failed; it may be caught by `||`.
type Run = Result<Step, String>;

impl Machine<'_> {
    fn script(&mut self, text: &str, base: &str, depth: usize) -> Run {
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
            match self.line(line, base, depth).map_err(|why| format!("{base}: line {at}: {why}"))? {
                Step::Next => {}
                Step::Goto(label) => {
                    let found =
                        lines.iter().position(|line| line.trim().strip_prefix(':').is_some_and(|own| own.trim() == label));
                    at = found.ok_or_else(|| format!("{base}: line {at}: there is no label {label}"))?;
                }
                end => return Ok(end),
            }
        }
        // A script that ends with a kernel and without `boot` is booted, too.
        Ok(if self.found.kernel.is_some() && depth == 0 { Step::Boot } else { Step::Exit })
    }

    fn line(&mut self, line: &str, base: &str, depth: usize) -> Run {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ':']) {
            return Ok(Step::Next);
        }
        // Commands with `&&` and `||` between; a word is one of these only by itself.
        let (mut outcome, mut run) = (Ok(Step::Next), true);
        for (operator, words) in commands(line) {
            if let Some(operator) = operator {
                run = matches!((operator, &outcome), ("&&", Ok(_)) | ("||", Err(_)));
                if !run {
                    continue;
                }
            }
            if run {
                let words = words.iter().map(|word| self.expand(word, 0)).collect::<Result<Vec<_>, _>>();
                outcome = words.and_then(|words| self.command(&words, base, depth));
            }
            if matches!(outcome, Ok(Step::Goto(_) | Step::Boot | Step::Exit)) {
                return outcome;
            }
        }
        outcome
    }

    fn command(&mut self, words: &[String], base: &str, depth: usize) -> Run {
        // A variable that is empty makes an empty word, which counts as an argument nowhere.
        let words: Vec<&str> = words.iter().map(String::as_str).flat_map(str::split_whitespace).collect();
        let Some((name, args)) = words.split_first() else { return Ok(Step::Next) };
        let plain: Vec<&str> = args.iter().copied().filter(|arg| !arg.starts_with("--")).collect();
        match *name {
            "set" => self.assign(args.first().copied().unwrap_or_default(), args.get(1..).unwrap_or_default().join(" ")),
            "clear" => self.assign(args.first().copied().unwrap_or_default(), String::new()),
            "isset" => truth(!plain.is_empty(), "it is not set"),
            "iseq" => truth(plain.first() == plain.get(1), "they differ"),
            "goto" => Ok(Step::Goto(plain.first().ok_or("goto needs a label")?.to_string())),
            "echo" => {
                self.world.say(&args.join(" "));
                Ok(Step::Next)
            }
            "kernel" | "imgselect" | "imgexec" => self.kernel(args, base),
            "initrd" | "module" => {
                let (name, _) = image(args);
                self.found.initrds.push((base.to_string(), name.ok_or("initrd needs a file")?.to_string()));
                Ok(Step::Next)
            }
            "imgargs" => {
                self.found.words = args.get(1..).unwrap_or_default().join(" ");
                Ok(Step::Next)
            }
            "imgfree" => {
                self.found = Found::default();
                Ok(Step::Next)
            }
            "boot" if image(args).0.is_some() => self.chain(args, base, depth),
            "boot" => {
                if self.found.kernel.is_some() {
                    Ok(Step::Boot)
                } else {
                    Err("there is nothing to boot".into())
                }
            }
            "chain" => self.chain(args, base, depth),
            "menu" => {
                self.menu = Choice { title: plain.join(" "), ..Choice::default() };
                Ok(Step::Next)
            }
            "item" => self.item(args),
            "choose" => self.choose(args),
            "exit" => Ok(Step::Exit),
            // There is a network already, and nobody to wait for.
            "dhcp" | "ifopen" | "ifconf" | "ifstat" | "ifclose" | "route" | "sync" | "sleep" | "console" | "colour" | "color"
            | "cpair" | "imgstat" => Ok(Step::Next),
            "prompt" => Err("nobody pressed a key".into()),
            "shell" | "login" | "config" | "sanboot" | "sanhook" => Err(format!("{name} can't be done here")),
            _ => Err(format!("there is no command {name}")),
        }
    }

    fn assign(&mut self, name: &str, value: String) -> Run {
        if value.len() > VALUE || (self.set.len() >= VARIABLES && !self.set.contains_key(name)) {
            return Err(format!("{name} and the others take too much room"));
        }
        self.set.insert(name.to_string(), value);
        Ok(Step::Next)
    }

    fn kernel(&mut self, args: &[&str], base: &str) -> Run {
        let (name, words) = image(args);
        self.found.kernel = Some((base.to_string(), name.ok_or("kernel needs a file")?.to_string()));
        self.found.words = words.join(" ");
        Ok(Step::Next)
    }

    /// Another script, which goes on with all that this one has set; or something to boot.
    fn chain(&mut self, args: &[&str], base: &str, depth: usize) -> Run {
        let (name, words) = image(args);
        let name = name.ok_or("chain needs a file")?;
        match self.world.script(base, name) {
            Ok((text, place)) => match self.script(&text, &place, depth + 1)? {
                Step::Exit => Ok(Step::Next),
                end => Ok(end),
            },
            // It is none: then it is to be booted.
            Err(why) if why.is_empty() => {
                self.found =
                    Found { kernel: Some((base.to_string(), name.to_string())), words: words.join(" "), ..Found::default() };
                Ok(Step::Boot)
            }
            Err(why) => Err(why),
        }
    }

    fn item(&mut self, args: &[&str]) -> Run {
        let mut args = args.iter().copied().peekable();
        let mut default = false;
        while let Some(option) = args.next_if(|arg| arg.starts_with('-')) {
            match option {
                "--gap" => return Ok(Step::Next),
                "--default" | "-d" => default = true,
                "--key" | "-k" | "--menu" | "-m" => drop(args.next()),
                _ => {}
            }
        }
        let label = args.next().ok_or("item needs a label")?.to_string();
        if self.menu.items.len() == crate::menu::MOST {
            return Err("the menu is too long".into());
        }
        if default {
            self.menu.default = self.menu.items.len();
        }
        self.menu.items.push((label, args.collect::<Vec<_>>().join(" ")));
        Ok(Step::Next)
    }

    fn choose(&mut self, args: &[&str]) -> Run {
        let mut args = args.iter().copied();
        let mut menu = self.menu.clone();
        let mut name = None;
        while let Some(arg) = args.next() {
            match arg {
                "--timeout" | "-t" => {
                    menu.timeout = args.next().and_then(|time| time.parse().ok()).ok_or("a time is no number")?;
                }
                "--default" | "-d" => {
                    let label = args.next().unwrap_or_default();
                    menu.default = menu.items.iter().position(|(own, _)| own == label).unwrap_or(menu.default);
                }
                "--menu" | "-m" => drop(args.next()),
                option if option.starts_with('-') => {}
                other => name = Some(other),
            }
        }
        let chosen = self.world.choose(&menu).ok_or("nothing was chosen")?;
        let label = menu.items.get(chosen).map(|(label, _)| label.clone()).ok_or("the menu is empty")?;
        self.assign(name.ok_or("choose needs a variable")?, label)
    }

    /// Put the values in the place of `${…}`, from the inside out.
    fn expand(&mut self, word: &str, depth: usize) -> Result<String, String> {
        let (mut out, mut rest) = (String::new(), word);
        while let Some(at) = rest.find("${") {
            out.push_str(&rest[..at]);
            let inner = &rest[at + 2..];
            let end = closing(inner).ok_or("a ${ has no end")?;
            let name = if depth < DEPTH { self.expand(&inner[..end], depth + 1)? } else { inner[..end].to_string() };
            out.push_str(&self.value(&name));
            if out.len() > VALUE {
                return Err("a word becomes too long".into());
            }
            rest = &inner[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// `name`, `name:type`.
    fn value(&mut self, name: &str) -> String {
        let (name, kind) = name.rsplit_once(':').unwrap_or((name, ""));
        let own = self.set.get(name).cloned();
        let value = own.or_else(|| self.world.variable(name)).unwrap_or_default();
        match kind {
            "hexhyp" => value.replace(':', "-"),
            "hexraw" => value.replace([':', '-'], ""),
            "uristring" => quoted(&value),
            _ => value,
        }
    }
}

fn truth(holds: bool, otherwise: &str) -> Run {
    if holds { Ok(Step::Next) } else { Err(otherwise.to_string()) }
}

/// As part of a URI (RFC 3986).
fn quoted(value: &str) -> String {
    value.bytes().fold(String::new(), |text, b| match b {
        b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => text + &char::from(b).to_string(),
        b => format!("{text}%{b:02X}"),
    })
}

/// The URI behind the options, and what follows it. Of the options only `--name` has a value that may stand by itself.
fn image<'a>(args: &[&'a str]) -> (Option<&'a str>, Vec<&'a str>) {
    let mut args = args.iter().copied().peekable();
    while let Some(option) = args.next_if(|arg| arg.starts_with('-')) {
        if matches!(option, "--name" | "-n" | "--timeout" | "-t") {
            args.next();
        }
    }
    (args.next(), args.collect())
}

/// Where the brace of a `${` closes: there may be others inside.
fn closing(text: &str) -> Option<usize> {
    let mut open = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
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
            ("&&" | "||", _) => commands.push((Some(word), Vec::new())),
            (_, Some((_, words))) => words.push(word),
            _ => {}
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[derive(Default)]
    struct Lab {
        said: Vec<String>,
        seen: Option<Choice>,
    }

    impl World for Lab {
        fn variable(&mut self, name: &str) -> Option<String> {
            Some(
                match name {
                    "net0/mac" | "mac" => "52:54:00:00:00:01",
                    "platform" => "efi",
                    "serial" => "a b",
                    _ => return None,
                }
                .to_string(),
            )
        }
        fn script(&mut self, _: &str, uri: &str) -> Result<(String, String), String> {
            match uri {
                "next.ipxe" => Ok(("#!ipxe\nkernel k2 ${x}\nboot\n".into(), "http://other/next.ipxe".into())),
                "self" => Ok(("chain self\n".into(), "self".into())),
                "program.efi" => Err(String::new()),
                _ => Err(format!("there is no {uri}")),
            }
        }
        fn say(&mut self, text: &str) {
            self.said.push(text.to_string());
        }
        fn choose(&mut self, menu: &Choice) -> Option<usize> {
            self.seen = Some(menu.clone());
            (!menu.items.is_empty()).then_some(menu.default)
        }
    }

    fn found(text: &str) -> Found {
        match run(text, "base", &mut Lab::default()) {
            Ok(End::Boot(found)) => found,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn kernel(base: &str, name: &str) -> (String, String) {
        (base.into(), name.into())
    }

    #[test]
    fn our_own_script_is_understood() {
        let text = "#!ipxe\nset kutties a=1 b=${serial:uristring}\niseq ${platform} pcbios && goto bios ||\nkernel kutties.efi ${kutties}\nboot\n:bios\nkernel no\nboot\n";
        let efi = found(text);
        assert_eq!((efi.kernel, efi.words.as_str()), (Some(kernel("base", "kutties.efi")), "a=1 b=a%20b"));
        let text = "#!ipxe\niseq ${platform} efi && goto efi ||\nexit\n:efi\nkernel --name vmlinuz vmlinuz quiet ${none}\ninitrd a\ninitrd --name x b\nboot\n";
        let efi = found(text);
        assert_eq!((efi.kernel, efi.words.as_str(), efi.initrds.len()), (Some(kernel("base", "vmlinuz")), "quiet", 2));
    }

    #[test]
    fn scripts_call_others_and_menus_choose() {
        let next = found("set x 1\nchain missing || chain next.ipxe\n");
        assert_eq!((next.kernel, next.words.as_str()), (Some(kernel("http://other/next.ipxe", "k2")), "1"));
        assert_eq!(found("chain program.efi w\n").words, "w");
        let text = "menu Which one?\nitem --gap -- ---\nitem one The first\nitem two The second\nchoose --default two --timeout 3000 which || exit\ngoto ${which}\n:one\nkernel 1\nboot\n:two\nkernel 2-${net${no}0/mac:hexhyp}\nboot\n";
        let mut lab = Lab::default();
        let End::Boot(found) = run(text, "", &mut lab).unwrap() else { panic!() };
        assert_eq!(found.kernel, Some(kernel("", "2-52-54-00-00-00-01")));
        let menu = lab.seen.unwrap();
        assert_eq!((menu.title.as_str(), menu.timeout, menu.default, menu.items.len()), ("Which one?", 3000, 1, 2));
    }

    #[test]
    fn what_fails_and_is_not_caught_is_said() {
        for (text, words) in [
            ("nonsense\n", "line 1: there is no command nonsense"),
            ("\ngoto nowhere\n", "line 2: there is no label nowhere"),
            (":a\ngoto a\n", "more than 10000"),
            ("chain self\n", "deep"),
            ("boot\n", "nothing to boot"),
            ("set x ${y\n", "no end"),
            ("chain missing\n", "there is no missing"),
            ("isset ${y}\n", "not set"),
            ("set a aaaaaaaaaaaaaaaa\n:l\nset a ${a}${a}\ngoto l\n", "too "),
        ] {
            let why = run(text, "base", &mut Lab::default()).unwrap_err();
            assert!(why.contains(words), "{text:?}: {why}");
        }
        assert_eq!(run("exit\nnonsense\n", "", &mut Lab::default()), Ok(End::Exit));
        assert_eq!(run("prompt || isset ${mac} && iseq a b ||\n", "", &mut Lab::default()), Ok(End::Exit));
    }
}
