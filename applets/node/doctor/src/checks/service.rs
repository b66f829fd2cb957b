//! Services of PID 1 and the CRI server.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kit::control::{Service, State};
use kit::paths;

use crate::finding::Finding;
use crate::node;

/// A server that runs answers at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Services that ended and are started again and again.
pub fn services() -> Finding {
    match node::services() {
        Ok(services) => judge(&services),
        Err(e) => Finding::bad(e.to_string(), "PID 1 is not kutties, or hangs: look at /proc/1/status and the console"),
    }
}

fn judge(services: &[Service]) -> Finding {
    let failing: Vec<&Service> = services.iter().filter(|service| service.state == State::Backoff).collect();
    if failing.is_empty() {
        let running = services.iter().filter(|service| service.state == State::Running).count();
        return Finding::good(format!("{running} of {} run, none fails", services.len()));
    }
    let told = failing.iter().map(|service| {
        let why = service.last_error.as_deref().unwrap_or("it says nothing");
        format!("{} was started {} times again: {why}", service.name, service.restarts)
    });
    let logs: Vec<String> = failing.iter().map(|service| format!("{}/{}.log", paths::SERVICE_LOGS, service.name)).collect();
    Finding::bad(told.collect::<Vec<_>>().join("; "), format!("look at {}", logs.join(", ")))
}

/// Answer of the CRI server's socket.
pub fn cri() -> Finding {
    match UnixStream::connect(paths::CRI).and_then(greet) {
        Ok(()) => Finding::good(format!("the server answers at {}", paths::CRI)),
        Err(e) => Finding::bad(
            format!("no answer at {}: {e}", paths::CRI),
            format!("systemctl restart cri; its log is {}/cri.log", paths::SERVICE_LOGS),
        ),
    }
}

/// HTTP/2's preface (RFC 9113, 3.4): the server's own settings come first of all that it says.
fn greet(mut server: UnixStream) -> std::io::Result<()> {
    const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    const FRAME_HEAD: usize = 9;
    server.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    server.write_all(HELLO)?;
    server.read_exact(&mut [0; FRAME_HEAD])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Grade;

    fn service(name: &str, state: State, last_error: Option<&str>) -> Service {
        Service { name: name.into(), state, pid: None, restarts: 3, last_error: last_error.map(str::to_owned) }
    }

    #[test]
    fn a_failing_service_says_why() {
        let good = judge(&[service("cri", State::Running, None), service("kubelet", State::Waiting, None)]);
        assert_eq!((good.grade, good.text.as_str()), (Grade::Good, "1 of 2 run, none fails"));
        let bad = judge(&[service("ntp", State::Backoff, Some("no server answers"))]);
        assert_eq!(bad.text, "ntp was started 3 times again: no server answers");
        assert_eq!(bad.advice, "look at /var/log/ntp.log");
    }
}
