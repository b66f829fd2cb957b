//! Builds for the cases of a board, by a process of its own: a build for the next board runs while
//! a lab does.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use conformance::suite::Suite;
use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::control_plane::Programs;
use lab::namespace;

use crate::plan::Planned;
use crate::{Options, ahead, case, cni, disk, flash, join, kubelets, media, packages, pods, repository, rpcs, ssh};

/// The profile for a board: what the person says, else the release's where the binary's size is tested, else the quick one.
fn profile(board: &str) -> String {
    let said = std::env::var(firmware::binary::PROFILE).ok().filter(|name| !name.is_empty());
    said.unwrap_or_else(|| if case::X86.contains(&board) { "release" } else { "quick" }.to_owned())
}

/// A build that runs in a process of its own.
pub struct Build {
    child: Child,
    board: String,
    log: Option<std::path::PathBuf>,
}

impl Build {
    /// Begin to build for a board. What cargo and Go say goes to the terminal, or, `aside`, to a file.
    pub fn begin(board: &str, options: &Options, aside: bool) -> Result<Self> {
        let own = namespace::own_program()?;
        let program = format!("/proc/self/fd/{}", own.as_raw_fd());
        // A build beside cases takes the time that they leave.
        let mut command = if aside { Command::new("nice") } else { Command::new(&program) };
        if aside {
            command.args(["-n", "15"]).arg(&program);
        }
        command.args(["--build-only", "--board", board]).args(options.choice());
        command.env(firmware::binary::PROFILE, profile(board)).stdin(Stdio::null());
        let log = aside.then(|| repository().join(format!("out/tests/build-{board}.log")));
        if let Some(log) = &log {
            let file = File::create(log).on("make", log)?;
            command.stderr(file.try_clone().on("share", log)?).stdout(file);
        }
        let child = command.spawn().doing("start the build")?;
        Ok(Self { child, board: board.to_owned(), log })
    }

    /// Wait until all is built.
    pub fn end(mut self) -> Result<()> {
        let status = self.child.wait().doing("wait for the build")?;
        if status.success() {
            return Ok(());
        }
        let said = self.log.as_deref().map_or_else(String::new, tail);
        Err(Error::new(format!("the build for {} ended with {status}{said}", self.board)))
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        // Nobody waits for it any more; after `end` there is nobody to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last lines of a build's log.
fn tail(log: &Path) -> String {
    const LINES: usize = 30;
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    format!(":\n{}", lines[lines.len().saturating_sub(LINES)..].join("\n"))
}

/// Build and fetch all that the cases of a board take: while there is an internet.
pub fn all(plan: &[Planned]) -> Result<()> {
    let ahead = ahead::begin(plan)?;
    board(plan)?;
    // It has nothing left to do, unless it failed.
    let _ = ahead.join();
    prepare(plan)
}

/// Prepares the parts of the cases of a board that are built for no board, or come from Debian.
fn prepare(plan: &[Planned]) -> Result<()> {
    if plan.iter().any(|planned| planned.name.starts_with("callers/")) {
        lab::debian::disk()?;
    }
    if plan.iter().any(|planned| planned.name == disk::NFS) {
        lab::nfs::tree()?;
    }
    if plan.iter().any(|planned| planned.name.starts_with("ssh/")) {
        packages(ssh::PACKAGES)?;
    }
    if plan.iter().any(|planned| planned.name.contains("apparmor")) {
        pods::profile::compiler()?;
    }
    Programs::ready()?;
    lab::registry::ready().map(drop)
}

fn board(plan: &[Planned]) -> Result<()> {
    let Some(board) = plan.first().map(|planned| planned.board) else { return Ok(()) };
    let named = |names: &[&str]| plan.iter().any(|planned| names.iter().any(|name| planned.name.contains(name)));
    let wants = |areas: &[&str]| plan.iter().any(|planned| areas.iter().any(|area| planned.name.starts_with(area)));
    if named(join::ALONE) {
        Appliance::open(board)?.build_worker()?;
    }
    let appliance = Appliance::build(board)?;
    if wants(&["media/", "netboot/"]) {
        appliance.build_media()?;
        if lab::netboot::program().is_err() {
            Appliance::build(&lab::netboot::host_board())?;
        }
    }
    if wants(&["cluster/"]) {
        appliance.build_control_plane()?;
    }
    if wants(&["netboot/"]) {
        appliance.build_worker()?;
        appliance.build_netboot()?;
    }
    if named(&flash::NAMES) {
        lab::flash::Flash::open(flash::board(board))?.build()?;
    }
    if named(&[media::PI]) {
        lab::appliance::build_card(media::PI_BOARD)?;
    }
    if wants(&["survive/"]) {
        appliance.build_survival()?;
    }
    for (variant, _) in kubelets::ALL {
        if named(&[&format!("/{variant}")]) {
            appliance.build_kubelet(variant)?;
        }
    }
    if wants(&["conformance/"]) {
        conformance::images::build(appliance.board.arch, board)?;
        Suite::ready()?;
    }
    if wants(&["cni/"]) {
        let built = firmware::bundle::build(cni::BUNDLE, &appliance.board.arch.to_string(), &appliance.cni_lab());
        built.map_err(|e| Error::new(format!("{e:#}")))?;
    }
    if wants(&["rpcs/"]) {
        firmware::bundle::native(rpcs::CLIENT).map_err(|e| Error::new(format!("{e:#}")))?;
    }
    Ok(())
}
