//! A web server in the lab: a few files at fixed paths, and a list of what was asked for.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use kit::{Context, Result};

use crate::network::ADDRESS;

/// The longest head of a request, in bytes.
const HEAD: u64 = 8 << 10;
/// Timeout of a client.
const PATIENCE: Duration = Duration::from_secs(10);

/// The server. Dropping it ends it.
#[derive(Debug)]
pub struct Web {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Web {
    /// Serve those files by their paths, at the lab's address.
    pub fn start(port: u16, pages: HashMap<String, Vec<u8>>) -> Result<Self> {
        let address = SocketAddr::from((ADDRESS, port));
        let listener = TcpListener::bind(address).doing(format!("serve at {address}"))?;
        let (ended, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (told, list) = (Arc::clone(&ended), Arc::clone(&asked));
        let thread = thread::spawn(move || {
            for client in listener.incoming().take_while(|_| !told.load(Ordering::Relaxed)).flatten() {
                // A client that goes away has what it wants.
                let _ = answer(client, &pages, &list);
            }
        });
        Ok(Self { address, ended, asked, thread: Some(thread) })
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // It wakes the thread, which then looks whether it is to end.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(mut client: TcpStream, pages: &HashMap<String, Vec<u8>>, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(client.try_clone()?.take(HEAD)).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (status, content) = pages.get(&path).map_or(("404 Not Found", &[][..]), |content| ("200 OK", content.as_slice()));
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(path);
    write!(client, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", content.len())?;
    client.write_all(content)
}
