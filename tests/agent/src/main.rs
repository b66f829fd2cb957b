//! The agent of a test's guest: reads requests from its virtio-serial port, answers each in a thread of its own.

mod holdings;
mod port;
mod steady;

use std::fs::{self, File, Permissions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;

use agent::{Answer, Ask, Bytes, PORT, Reply, Request, exec};

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(io::stderr(), "agent: {e}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    steady::hold();
    port::link_all()?;
    let port = port::open(PORT)?;
    let writer = Arc::new(Mutex::new(port.try_clone()?));
    // A reboot may have cut the last reply in the middle: end that line.
    writer.lock().map_or(Ok(()), |mut to| to.write_all(b"\n"))?;
    for line in BufReader::new(port).lines() {
        let Ok(request) = serde_json::from_str::<Request>(&line?) else { continue };
        let writer = Arc::clone(&writer);
        thread::spawn(move || reply(&writer, request));
    }
    // The host has gone: init starts the agent again, which then waits for the next one.
    Ok(())
}

fn reply(writer: &Mutex<File>, request: Request) {
    let reply = Reply { id: request.id, answer: answer(request.ask) };
    let Ok(mut line) = serde_json::to_vec(&reply) else { return };
    line.push(b'\n');
    if let Ok(mut to) = writer.lock() {
        // Without a listener there is nobody to tell of the failure either.
        let _ = to.write_all(&line);
    }
}

fn answer(ask: Ask) -> Answer {
    match ask {
        Ask::Ping => Answer::Done,
        Ask::Exec { argv, directory, stdin, timeout } => exec::run(&argv, &directory, stdin.into(), timeout),
        Ask::Look => Answer::Lines(holdings::look()),
        Ask::Read { path } => match fs::read(&path) {
            Ok(data) => Answer::Data(Bytes::from(data.as_slice())),
            Err(e) => Answer::Failed(format!("read {path}: {e}")),
        },
        Ask::Write { path, data, mode } => match write(Path::new(&path), &Vec::from(data), mode) {
            Ok(()) => Answer::Done,
            Err(e) => Answer::Failed(format!("write {path}: {e}")),
        },
    }
}

fn write(path: &Path, data: &[u8], mode: u32) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, data)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}
