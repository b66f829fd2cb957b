//! A registry in this process that does what a test tells it to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The path with its query.
    pub path: String,
    pub authorization: String,
    pub range: String,
    pub body: String,
    pub head: String,
}

/// Action after the bytes are sent.
#[derive(Clone, Copy, PartialEq)]
pub enum Then {
    GoOn,
    Close,
    Stall,
    /// The body comes in drops, for ever.
    Trickle,
}

/// An answer.
#[derive(Clone)]
pub struct Said {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Another length than the body's; 0 for none at all (chunks).
    pub claimed: Option<usize>,
    pub then: Then,
}

impl Said {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), claimed: None, then: Then::GoOn }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn redirect(to: impl Into<String>) -> Self {
        Self::new(307, "").with("Location", to)
    }
}

/// Serves until it is dropped.
pub struct Fake {
    /// `127.0.0.1:PORT`
    pub address: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    end: Arc<AtomicBool>,
}

impl Fake {
    /// Answer each request with what `answer` says.
    pub fn new(answer: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        Self::over(answer, |stream| Box::new(stream))
    }

    /// The same with something between the network and HTTP.
    pub fn over(
        answer: impl Fn(&Asked) -> Said + Send + Sync + 'static,
        wrap: impl Fn(TcpStream) -> Box<dyn ReadWrite> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, end) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (record, ends, answer) = (asked.clone(), end.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let (record, answer, ends, stream) = (record.clone(), answer.clone(), ends.clone(), wrap(stream));
                thread::spawn(move || connection(stream, &*answer, &record, &ends));
            }
        });
        Self { address, asked, end }
    }

    pub fn paths(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| asked.path.clone()).collect()
    }

    pub fn all(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.address);
    }
}

pub trait ReadWrite: Read + Write + Send {}
impl<T: Read + Write + Send> ReadWrite for T {}

fn connection(stream: Box<dyn ReadWrite>, answer: &dyn Fn(&Asked) -> Said, record: &Mutex<Vec<Asked>>, end: &AtomicBool) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = request(&mut stream) {
        record.lock().unwrap().push(asked.clone());
        let said = answer(&asked);
        if reply(stream.get_mut(), &said).is_err() {
            return;
        }
        while said.then == Then::Trickle && !end.load(Ordering::Relaxed) {
            if stream.get_mut().write_all(b" ").and_then(|()| stream.get_mut().flush()).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        while said.then == Then::Stall && !end.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
        if said.then != Then::GoOn {
            return;
        }
    }
}

fn request(from: &mut impl BufRead) -> Option<Asked> {
    let mut asked = Asked::default();
    let mut line = String::new();
    from.read_line(&mut line).ok().filter(|count| *count > 0)?;
    asked.path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        asked.head.push_str(&line);
        match name.to_lowercase().as_str() {
            "authorization" => value.clone_into(&mut asked.authorization),
            "range" => value.clone_into(&mut asked.range),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8(body).ok()?;
    Some(asked)
}

fn reply(to: &mut impl Write, said: &Said) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {} X\r\n", said.status);
    for (name, value) in &said.headers {
        head += &[*name, ": ", value, "\r\n"].concat();
    }
    let chunked = said.claimed == Some(0);
    let length = match said.claimed {
        Some(0) => "Transfer-Encoding: chunked\r\n\r\n".to_owned(),
        length => format!("Content-Length: {}\r\n\r\n", length.unwrap_or(said.body.len())),
    };
    to.write_all(&[head.as_bytes(), length.as_bytes()].concat())?;
    if chunked {
        to.write_all(format!("{:x}\r\n", said.body.len()).as_bytes())?;
    }
    to.write_all(&said.body)?;
    if chunked {
        to.write_all(b"\r\n0\r\n\r\n")?;
    }
    to.flush()
}
