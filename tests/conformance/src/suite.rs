//! The programs that run specs: upstream's, and ginkgo, which runs several at once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use kit::{Context, Error, Result};
use lab::guest::Guest;

use crate::journal::{Entry, Journal};
use crate::specs::Spec;
use crate::told;

/// Interval of looks at the journal: often enough for a person.
const LOOK: Duration = Duration::from_millis(500);
/// Interval of the check if the node has started again: without the images and pods that it had,
/// each spec left would fail in its turn.
const ASK: Duration = Duration::from_secs(20);

/// The programs of the host, built by [`Suite::ready`].
#[derive(Debug, Clone)]
pub struct Suite {
    e2e: PathBuf,
    ginkgo: PathBuf,
}

/// Settings of a run.
pub struct Run<'a> {
    /// Full names.
    pub specs: &'a [String],
    /// Number of specs at once.
    pub processes: usize,
    /// The administrator's kubeconfig.
    pub kubeconfig: PathBuf,
    /// kubectl, for the specs that call it.
    pub kubectl: PathBuf,
    /// Go's name of the node's processor.
    pub arch: &'a str,
    /// A directory for the list of specs and ginkgo's own words.
    pub dir: &'a Path,
    /// The node.
    pub guest: &'a Guest,
}

impl Suite {
    /// Finds them in the cache, or builds them: outside of the lab, where modules can be downloaded.
    pub fn ready() -> Result<Self> {
        let get = |variant| firmware::bundle::native(variant).map_err(told);
        Ok(Self { e2e: get("e2e")?.join("e2e.test"), ginkgo: get("ginkgo")?.join("ginkgo") })
    }

    /// All specs that there are.
    pub fn list(&self) -> Result<Vec<Spec>> {
        let said = self.ask("--kutties.list")?;
        said.lines()
            .filter(|line| line.starts_with('{'))
            .map(|line| serde_json::from_str(line).doing("read the list of specs"))
            .collect()
    }

    /// The images that specs name.
    pub fn images(&self) -> Result<Vec<String>> {
        Ok(self.ask("--list-images")?.lines().map(str::to_owned).collect())
    }

    fn ask(&self, flag: &str) -> Result<String> {
        lab::tool::checked(Command::new(&self.e2e).arg(flag).env("KUBECONFIG", "/dev/null"))
    }

    /// Runs the specs, tells how each ended as soon as it did, and answers whether ginkgo was content with itself.
    pub fn run(&self, run: &Run, journal: &mut Journal, mut tell: impl FnMut(Entry)) -> Result<()> {
        let names = run.dir.join("specs");
        fs::write(&names, run.specs.iter().fold(String::new(), |text, name| text + name + "\n")).on("write", &names)?;
        let said = run.dir.join("ginkgo.log");
        let log = fs::File::create(&said).on("make", &said)?;
        let also = log.try_clone().on("share", &said)?;
        let mut command = self.command(run, &names, journal.path());
        let mut ginkgo = command.stdin(Stdio::null()).stdout(log).stderr(also).spawn().doing("start ginkgo")?;
        let boot = boot_id(run.guest)?;
        let (mut told, mut asked) = (0, Instant::now());
        loop {
            let ended = ended(&mut ginkgo)?;
            for entry in journal.news()?.into_iter().filter(|entry| run.specs.contains(&entry.name)) {
                told += usize::from(!entry.cut_off());
                tell(entry);
            }
            if ended {
                break;
            }
            if asked.elapsed() >= ASK {
                // On a busy machine no answer is no news.
                if boot_id(run.guest).is_ok_and(|now| now != boot) {
                    let _ = ginkgo.kill();
                    return Err(Error::new("the node has started again by itself; its console's transcript tells why"));
                }
                asked = Instant::now();
            }
            thread::sleep(LOOK);
        }
        if told >= run.specs.len() {
            return Ok(());
        }
        let text = fs::read(&said).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(30)..].join("\n");
        Err(Error::new(format!(
            "{told} of {} specs have ended, but ginkgo has, too; {} ends with\n{tail}",
            run.specs.len(),
            said.display()
        )))
    }

    fn command(&self, run: &Run, names: &Path, journal: &Path) -> Command {
        let mut command = Command::new(&self.ginkgo);
        let procs = run.processes.clamp(1, run.specs.len().max(1));
        command.args(["run", "--no-color", "--timeout=24h", "--poll-progress-after=0s"]).arg(format!("--procs={procs}"));
        command.arg(&self.e2e).arg("--");
        let paths = [
            ("kutties.specs", names),
            ("kutties.journal", journal),
            ("kubeconfig", &run.kubeconfig),
            ("kubectl-path", &run.kubectl),
        ];
        for (flag, path) in paths {
            command.arg(format!("--{flag}={}", path.display()));
        }
        // Other machines of a shared lab may be off: whether ours is Ready was asked before.
        command
            .args(["--provider=skeleton", "--num-nodes=1", "--allowed-not-ready-nodes=-1"])
            .arg(format!("--node-os-arch={}", run.arch));
        command
    }
}

/// Another one after each start of the machine.
fn boot_id(guest: &Guest) -> Result<Vec<u8>> {
    guest.read("/proc/sys/kernel/random/boot_id")
}

fn ended(ginkgo: &mut Child) -> Result<bool> {
    Ok(ginkgo.try_wait().doing("wait for ginkgo")?.is_some())
}
