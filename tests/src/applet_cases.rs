//! The cases in `tests/cases/APPLET.toml`: arguments, files and an input in; output, files and an exit code out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use firmware::place;
use kit::{Context, Result};
use lab::guest::{Guest, Output};
use serde::Deserialize;

/// One case. `oracle` says what the expectation was checked against.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppletCase {
    name: String,
    /// Another applet than the file's name.
    applet: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    /// Made in an empty directory, where the applet runs.
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    stdin: String,
    /// The whole of standard output.
    stdout: Option<String>,
    /// Parts of standard output.
    #[serde(default)]
    contains: Vec<String>,
    /// A part of standard error.
    stderr: Option<String>,
    /// Files as they must be afterwards.
    #[serde(default)]
    after: BTreeMap<String, String>,
    #[serde(default)]
    code: i32,
    /// The reason why it is tried in a guest alone, where it needs one.
    guest: Option<String>,
    /// Read by people alone.
    #[serde(rename = "oracle")]
    _oracle: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The reason why all of them are tried in a guest alone.
    guest: Option<String>,
    case: Vec<AppletCase>,
}

/// All files with their applets' names, sorted.
pub fn all() -> Result<Vec<(String, Vec<AppletCase>)>> {
    let directory = directory();
    let mut files = Vec::new();
    for entry in fs::read_dir(&directory).on("read", &directory)? {
        let path = entry.on("read", &directory)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".toml")) else { continue };
        let text = fs::read_to_string(&path).on("read", &path)?;
        let file: File = toml::from_str(&text).doing(format!("read {}", path.display()))?;
        let mut cases = file.case;
        for case in &mut cases {
            case.guest = case.guest.take().or_else(|| file.guest.clone());
        }
        files.push((name.to_owned(), cases));
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

/// The applets that some case calls.
pub fn tried() -> Result<BTreeSet<String>> {
    let called = |(file, cases): (String, Vec<AppletCase>)| {
        cases.into_iter().map(move |case| case.applet.unwrap_or_else(|| file.clone())).collect::<Vec<_>>()
    };
    Ok(all()?.into_iter().flat_map(called).collect())
}

/// The applets without cases, and why: `tests/no-cases.toml`.
pub fn untried() -> Result<BTreeMap<String, String>> {
    let path = place::repository().join("tests/no-cases.toml");
    let text = fs::read_to_string(&path).on("read", &path)?;
    toml::from_str(&text).doing(format!("read {}", path.display()))
}

/// `tests/cases`
pub fn directory() -> PathBuf {
    place::repository().join("tests/cases")
}

/// A place where commands run: a guest, or a namespace of this machine.
pub trait Place {
    /// Make an empty directory for a case, in the place of the last one's.
    fn clear(&self, dir: &str) -> Result<()>;
    /// Make a file, and the directories above it.
    fn write(&self, path: &str, data: &[u8]) -> Result<()>;
    /// A file's content.
    fn read(&self, path: &str) -> Result<Vec<u8>>;
    /// Run a command in a directory; its output, whatever its exit code.
    fn exec(&self, dir: &str, argv: &[&str], stdin: &[u8], limit: Duration) -> Result<Output>;
}

impl Place for Guest {
    fn clear(&self, dir: &str) -> Result<()> {
        self.sh(&format!("rm -rf {dir} && mkdir {dir}")).map(drop)
    }

    fn write(&self, path: &str, data: &[u8]) -> Result<()> {
        Self::write(self, path, data, 0o644)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        Self::read(self, path)
    }

    fn exec(&self, dir: &str, argv: &[&str], stdin: &[u8], limit: Duration) -> Result<Output> {
        self.exec_in(dir, argv, stdin, limit)
    }
}

impl AppletCase {
    /// The case's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tells if it needs no guest.
    pub fn is_native(&self) -> bool {
        self.guest.is_none()
    }
}

/// Directory of a case's files; a new one for each.
const DIRECTORY: &str = "/tmp/case";
/// Longer than any applet takes under emulation.
const LIMIT: Duration = Duration::from_secs(20);

/// Run one; what is wrong with the result, if anything.
pub fn run(place: &impl Place, applet: &str, case: &AppletCase) -> Result<Option<String>> {
    place.clear(DIRECTORY)?;
    for (path, content) in &case.files {
        place.write(&format!("{DIRECTORY}/{path}"), content.as_bytes())?;
    }
    let applet = case.applet.as_deref().unwrap_or(applet);
    let argv: Vec<&str> = [applet].into_iter().chain(case.args.iter().map(String::as_str)).collect();
    let output = match place.exec(DIRECTORY, &argv, case.stdin.as_bytes(), LIMIT) {
        Ok(output) => output,
        Err(e) => return Ok(Some(format!("{}: {e}", case.name))),
    };
    let mut wrong = judge(case, &output);
    for (path, content) in &case.after {
        match place.read(&format!("{DIRECTORY}/{path}")) {
            Ok(found) if found == content.as_bytes() => {}
            found => wrong.push(format!("{path} is {found:?}")),
        }
    }
    Ok((!wrong.is_empty()).then(|| format!("{}: {argv:?}: {}", case.name, wrong.join(", "))))
}

fn judge(case: &AppletCase, output: &Output) -> Vec<String> {
    let mut wrong = Vec::new();
    if output.code != case.code {
        wrong.push(format!("code {} for {} ({})", output.code, case.code, output.stderr.trim()));
    }
    if case.stdout.as_ref().is_some_and(|wanted| *wanted != output.stdout) {
        wrong.push(format!("stdout {:?} for {:?}", output.stdout, case.stdout.as_deref().unwrap_or_default()));
    }
    for part in case.contains.iter().filter(|part| !output.stdout.contains(part.as_str())) {
        wrong.push(format!("no {part:?} in {:?}", output.stdout));
    }
    if let Some(part) = case.stderr.as_ref().filter(|part| !output.stderr.contains(part.as_str())) {
        wrong.push(format!("no {part:?} in stderr {:?}", output.stderr));
    }
    if output.stderr.contains("panicked") {
        wrong.push(output.stderr.clone());
    }
    wrong
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    #[test]
    fn every_file_is_read() {
        assert!(super::all().unwrap().len() > 50);
    }
}
