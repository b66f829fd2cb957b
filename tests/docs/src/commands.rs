//! Commands in examples: blocks marked `console`, lines that begin with a prompt.

use crate::keys::keys;
use crate::page::Page;
use crate::repository::{Problem, Repository};

/// The page that is generated from the tables of applets.
const APPLETS: &str = "docs/src/reference/applets.md";
/// Programs of Kubernetes that a node has beside the applets.
const KUBERNETES: &[&str] = &["kubeadm", "kubectl", "kubelet"];
/// Programs of a workstation that examples use.
const HOST: &[&str] = &[
    "age",
    "age-keygen",
    "cargo",
    "git",
    "make",
    "mdbook",
    "pip",
    "qemu-system-x86_64",
    "ssh",
    "ssh-keygen",
    "tar",
];
/// Arguments of the binary itself.
const BOX: &[&str] = &["--list", "--install", "--help", "--version"];

/// Names that examples may use.
struct Known {
    applets: Vec<String>,
    targets: Vec<String>,
    variables: Vec<String>,
    builder: Vec<String>,
    sources: String,
}

/// Each command of an example exists.
pub fn check(repository: &Repository) -> Vec<Problem> {
    let known = Known::read(repository);
    repository.manual().flat_map(|page| of_page(page, &known, repository)).collect()
}

fn of_page(page: &Page, known: &Known, repository: &Repository) -> Vec<Problem> {
    let mut problems = Vec::new();
    for line in page.block("console") {
        let Some(command) = command(&line.text) else { continue };
        for part in command
            .split(" && ")
            .flat_map(|part| part.split(" || "))
            .flat_map(|part| part.split(" | "))
        {
            let words: Vec<&str> = part
                .split_whitespace()
                .skip_while(|word| ["{", "[", "sudo"].contains(word))
                .collect();
            // The rest of a condition: `$? = 3 ]`.
            if words.first().is_some_and(|word| !word.starts_with('$')) {
                problems
                    .extend(known.wrong(&words, repository).map(|text| page.problem(line, text)));
            }
        }
    }
    problems
}

/// Text after a prompt: `$ `, `# `, or the name of a machine before one of them. A comment ends
/// it.
fn command(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let end = line.find(['$', '#'])?;
    let named = line[..end].chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let rest = line.get(end + 1..)?.strip_prefix(' ')?;
    named.then(|| rest.split("  #").next().unwrap_or(rest).trim())
}

impl Known {
    fn read(repository: &Repository) -> Self {
        let makefile = repository.text("Makefile");
        let targets = makefile
            .lines()
            .filter(|line| line.contains(" ## "))
            .filter_map(|line| line.split(':').next());
        let applets = keys(&repository.text(APPLETS));
        Self {
            applets: applets
                .iter()
                .filter_map(|name| name.split('/').next_back())
                .map(last_word)
                .collect(),
            targets: targets.map(str::to_owned).collect(),
            variables: variables(&makefile),
            builder: verbs(&repository.text("firmware/src/main.rs")),
            sources: repository.sources("applets"),
        }
    }

    /// The mistake of a command, or none.
    fn wrong(&self, words: &[&str], repository: &Repository) -> Option<String> {
        let (program, arguments) = words.split_first()?;
        match *program {
            "kutties" => self.wrong_applet(arguments),
            "make" => self.wrong_target(arguments, repository),
            "cargo" => self.wrong_builder(arguments),
            // A condition of the shell, an assignment.
            program if program.contains('=') || program == "}" => None,
            program if self.applets.iter().any(|name| name == program) => {
                self.wrong_option(program, arguments)
            }
            program if KUBERNETES.contains(&program) || HOST.contains(&program) => None,
            program => Some(format!("there is no command {program}")),
        }
    }

    fn wrong_applet(&self, arguments: &[&str]) -> Option<String> {
        let (name, rest) = arguments.split_first()?;
        let name = name.trim_end_matches(';');
        if BOX.contains(&name) || name == "kubeadm" {
            return None;
        }
        if !self.applets.iter().any(|applet| applet == name) {
            return Some(format!("there is no applet {name}"));
        }
        self.wrong_option(name, rest)
    }

    /// Looks for long options in the applets' sources, as fields or names. Commands of uutils are
    /// not ours: an option of theirs passes where any source has the word.
    fn wrong_option(&self, name: &str, arguments: &[&str]) -> Option<String> {
        let options = arguments
            .iter()
            .take_while(|word| **word != "--")
            .filter_map(|word| word.strip_prefix("--"));
        let mut options = options
            .filter_map(|option| option.split('=').next())
            .filter(|option| !option.is_empty());
        let there = |option: &str| {
            self.sources.contains(&option.replace('-', "_")) || self.sources.contains(option)
        };
        options
            .find(|option| !there(option))
            .map(|option| format!("{name} has no option --{option}"))
    }

    fn wrong_target(&self, arguments: &[&str], repository: &Repository) -> Option<String> {
        let text = arguments.join(" ");
        // Quoted values may hold blanks.
        let plain: String = text.split('"').step_by(2).collect();
        for word in plain.split_whitespace() {
            match word.split_once('=') {
                Some(("BOARD", board))
                    if !repository.root.join(format!("board/{board}.toml")).exists() =>
                {
                    return Some(format!("there is no board {board}"));
                }
                Some((name, _)) if !self.variables.iter().any(|variable| variable == name) => {
                    return Some(format!("make takes no {name}"));
                }
                None if !self.targets.iter().any(|target| target == word) => {
                    return Some(format!("make has no target {word}"));
                }
                _ => {}
            }
        }
        None
    }

    fn wrong_builder(&self, arguments: &[&str]) -> Option<String> {
        let text = arguments.join(" ");
        let verb = text.strip_prefix("run -p firmware -- ")?.split(' ').next()?;
        let known = verb.starts_with('-') || self.builder.iter().any(|name| name == verb);
        (!known).then(|| format!("the builder has no verb {verb}"))
    }
}

/// Variables of the Makefile: those with a default, and those that its comments name.
fn variables(makefile: &str) -> Vec<String> {
    let defaults = makefile.lines().filter_map(|line| line.split_once(" ?=")).map(|(name, _)| name);
    let comments = makefile
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .flat_map(|line| line.split([' ', ',', ':']));
    let capitals =
        comments.filter(|word| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase()));
    defaults.chain(capitals).map(str::to_owned).collect()
}

/// The name of an applet in the reference page's first column: `kutties ps` is `ps`.
fn last_word(name: &str) -> String {
    name.split(' ').next_back().unwrap_or(name).to_owned()
}

/// Names of the variants of the builder's verbs, as clap writes them.
fn verbs(source: &str) -> Vec<String> {
    let body = source
        .split_once("enum Verb {")
        .map_or("", |(_, rest)| rest.split("\n}").next().unwrap_or(rest));
    let variants = body
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase));
    variants.map(|line| kebab(line.trim_end_matches([' ', '{', ',']))).collect()
}

fn kebab(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.extend(c.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_told_from_output() {
        assert_eq!(command("node-1# kubectl get nodes"), Some("kubectl get nodes"));
        assert_eq!(command("$ make run        # a node"), Some("make run"));
        assert_eq!(command("node-1   Ready    control-plane"), None);
        assert_eq!(command("Public key: age1# x"), None);
    }

    #[test]
    fn names_that_do_not_exist_are_found() {
        let known = Known {
            applets: vec!["ps".into(), "ls".into()],
            targets: vec!["run".into()],
            variables: vec!["BOARD".into()],
            builder: verbs("enum Verb {\n    Image {\n    TestImage,\n}\n"),
            sources: "pub plain_http: bool".into(),
        };
        let root = Repository { root: "/nowhere".into(), pages: vec![] };
        let wrong = |line: &str| known.wrong(&line.split(' ').collect::<Vec<_>>(), &root);
        assert_eq!(wrong("kutties ps --plain-http x"), None);
        assert_eq!(wrong("kutties pz").as_deref(), Some("there is no applet pz"));
        assert_eq!(wrong("kutties ps --nonsense").as_deref(), Some("ps has no option --nonsense"));
        assert_eq!(wrong("make fly").as_deref(), Some("make has no target fly"));
        assert_eq!(wrong("make run FOO=1").as_deref(), Some("make takes no FOO"));
        assert_eq!(wrong("make run BOARD=none").as_deref(), Some("there is no board none"));
        assert_eq!(wrong("cargo run -p firmware -- test-image"), None);
        assert_eq!(
            wrong("cargo run -p firmware -- fly").as_deref(),
            Some("the builder has no verb fly")
        );
        assert_eq!(wrong("emacs").as_deref(), Some("there is no command emacs"));
    }
}
