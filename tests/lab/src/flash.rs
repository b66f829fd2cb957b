//! Boards whose firmware is in flash with the system behind it: their image with the agent inside, and what they boot otherwise.

use std::fs;
use std::path::PathBuf;

use firmware::board::Board;
use firmware::image::{self, Kube, Options};
use firmware::kind::Given;
use firmware::kinds;
use firmware::manifest::Manifest;
use firmware::{binary, tools};
use kit::{Context, Error, Result};

use crate::appliance::POD_NETWORK;
use crate::{qemu, segment};

/// A board's files.
#[derive(Debug, Clone)]
pub struct Flash {
    /// The board.
    pub board: Board,
    dir: PathBuf,
}

impl Flash {
    /// Opens the flash that was built before, of the board of that name.
    pub fn open(name: &str) -> Result<Self> {
        let board = Board::load(name).map_err(told)?;
        Ok(Self { dir: board.out().map_err(told)?, board })
    }

    /// Build the board with the kubelet alone, and its flash with the agent: what else a test needs comes over the agent's port, for
    /// flash is small.
    pub fn build(&self) -> Result<()> {
        let mut outputs =
            image::build(&self.board, &Options { kube: Kube::Worker, whole: true, ..Options::default() }).map_err(told)?;
        let release = Manifest::read(&outputs.manifest).map_err(told)?.kernel_release;
        let agent = binary::package("agent", self.board.arch, &tools::ensure(&self.board).map_err(told)?).map_err(told)?;
        outputs.dir = self.dir.join("media");
        fs::create_dir_all(&outputs.dir).on("make", &outputs.dir)?;
        outputs.images = Some(segment::agent_packed(&agent, &outputs.dir.join("agent.cpio.zst"))?);
        let mut board = self.board.clone();
        board.images = vec!["rom".to_owned()];
        board.cmdline = format!("{} {POD_NETWORK} {}", board.cmdline, qemu::robust(board.arch));
        kinds::build(&board, &outputs, Given { release: &release, ..Given::default() }).map(drop).map_err(told)
    }

    /// The image.
    pub fn rom(&self) -> PathBuf {
        self.dir.join("media/rom.fd")
    }

    /// The kernel.
    pub fn kernel(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    /// Core, modules, and the kubelet.
    pub fn segments(&self) -> Vec<PathBuf> {
        ["core.cpio.zst", "modules.cpio.zst", "kube-worker.cpio.zst"].map(|name| self.dir.join(name)).to_vec()
    }
}

fn told(e: impl std::fmt::Display) -> Error {
    Error::new(format!("{e:#}"))
}
