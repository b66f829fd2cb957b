//! Initramfs segments made by the lab: files with given contents, the agent, the test image.

use std::fs;
use std::path::{Path, PathBuf};

use initramfs::Archive;
use kit::{Context, Result};

/// File of the agent's service: any TOML there is read.
const AGENT_SERVICE: &str = "/etc/kutties/agent.toml";

/// Path of the runtime's client in an image that boots by itself.
pub const CLIENT: &str = "/usr/lib/kutties-test/cri-client";

/// Write a segment of files, each with its absolute path and content; programs and scripts can be run.
pub fn files(to: &Path, files: &[(&str, &[u8])]) -> Result<PathBuf> {
    let mut archive = Archive::new();
    for (path, content) in files {
        let mode = if content.starts_with(b"#!") || content.starts_with(b"\x7fELF") { 0o755 } else { 0o644 };
        archive.file(path, mode, *content).doing("make a segment")?;
    }
    write(&archive, to)
}

/// Write the segment that has init run the agent.
pub fn agent(program: &Path, to: &Path) -> Result<PathBuf> {
    let program = fs::read(program).on("read", program)?;
    files(to, &[(agent::PATH, &program), (AGENT_SERVICE, agent_service().as_bytes())])
}

/// The same, compressed, for an image with little room.
pub fn agent_packed(program: &Path, to: &Path) -> Result<PathBuf> {
    let mut archive = Archive::new();
    archive.file(agent::PATH, 0o755, fs::read(program).on("read", program)?).doing("make a segment")?;
    archive.file(AGENT_SERVICE, 0o644, agent_service()).doing("make a segment")?;
    firmware::segment::write(&archive, to).map_err(|e| kit::Error::new(format!("{e:#}")))?;
    Ok(to.to_owned())
}

fn agent_service() -> String {
    format!("[service.agent]\ncommand = [\"{}\"]\n", agent::PATH)
}

/// Write, compressed, what an image that boots by itself needs to be asked: the agent, the test image, and the client of the runtime.
pub fn asked(agent_program: &Path, image: &Path, client: &Path, to: &Path) -> Result<PathBuf> {
    let read = |path: &Path| fs::read(path).on("read", path);
    let mut archive = Archive::new();
    let programs = [(agent::PATH, read(agent_program)?), (CLIENT, read(client)?)];
    for (path, content) in programs {
        archive.file(path, 0o755, content).doing("make a segment")?;
    }
    archive.file(AGENT_SERVICE, 0o644, agent_service()).doing("make a segment")?;
    let name = image.file_name().unwrap_or_default().to_string_lossy();
    archive.file(&format!("{}/{name}", kit::paths::IMAGES_GIVEN), 0o644, read(image)?).doing("make a segment")?;
    firmware::segment::write(&archive, to).map_err(|e| kit::Error::new(format!("{e:#}")))?;
    Ok(to.to_owned())
}

/// Write the segment that brings an image's archive along.
pub fn image(archive: &Path, to: &Path) -> Result<PathBuf> {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let content = fs::read(archive).on("read", archive)?;
    files(to, &[(&format!("{}/{name}", kit::paths::IMAGES_GIVEN), &content)])
}

/// Write a segment, and the directories above it.
pub fn write(archive: &Archive, to: &Path) -> Result<PathBuf> {
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory).on("make", directory)?;
    }
    // No clock reads the times of a test's files.
    let bytes = archive.to_newc(0).doing("make a segment")?;
    fs::write(to, bytes).on("write", to)?;
    Ok(to.to_owned())
}
