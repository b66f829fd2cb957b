//! Two files for the guests over HTTP: what brings the test image into containerd, which takes no image from its initramfs.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use kit::{Context, Result};
use lab::network::ADDRESS;

/// Serve each file under its name until the process ends; answers the address.
pub fn files(files: Vec<PathBuf>) -> Result<String> {
    let listener = TcpListener::bind((ADDRESS, 0)).doing("listen for guests")?;
    let address = listener.local_addr().doing("listen for guests")?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The guest's own client says what went wrong.
            let _ = answer(stream, &files);
        }
    });
    Ok(format!("http://{address}"))
}

fn answer(mut stream: TcpStream, files: &[PathBuf]) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let name = first.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let Some(path) = files.iter().find(|path| path.file_name().is_some_and(|file| file == name)) else {
        return stream.write_all(b"HTTP/1.0 404 Not Found\r\n\r\n");
    };
    let mut file = File::open(path)?;
    write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", file.metadata()?.len())?;
    io::copy(&mut file, &mut stream).map(drop)
}
