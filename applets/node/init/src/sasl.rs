//! The handshake of a D-Bus connection (D-Bus Specification 0.43, "Authentication Protocol"): the mechanism EXTERNAL for root, whose
//! identity the socket has shown already, and leave to pass descriptors.

/// The longest line, in bytes.
const LINE: usize = 256;
/// A number for the bus. One is enough: there is no other that it could be mixed up with.
const OK: &str = "OK 6b757474696573206c6f67696e206273\r\n";
/// Root's number in decimal digits, each as two hexadecimal ones.
const ROOT: &str = "30";

/// State of the handshake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Handshake {
    /// A zero byte comes first.
    #[default]
    Zero,
    /// The client shall choose a mechanism.
    Auth,
    /// It shall name itself.
    Data,
    /// It is known, and may begin.
    Known,
    /// Messages follow.
    Over,
}

/// Action that follows from a client's bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// This line is the answer.
    Say(&'static str),
    /// The handshake is over.
    Over,
    /// More must be heard.
    Part,
    /// It is no handshake.
    Wrong,
}

impl Handshake {
    /// Tells if the handshake is over and messages follow.
    pub fn is_over(self) -> bool {
        self == Self::Over
    }

    /// Take the next line from what was heard.
    pub fn next(&mut self, heard: &mut Vec<u8>) -> Step {
        if *self == Self::Zero {
            match heard.first() {
                None => return Step::Part,
                Some(0) => drop(heard.drain(..1)),
                Some(_) => return Step::Wrong,
            }
            *self = Self::Auth;
        }
        let Some(end) = heard.iter().take(LINE).position(|byte| *byte == b'\n') else {
            return if heard.len() < LINE { Step::Part } else { Step::Wrong };
        };
        let line: Vec<u8> = heard.drain(..=end).collect();
        match std::str::from_utf8(&line) {
            Ok(line) => self.line(line.trim_end_matches(['\r', '\n'])),
            Err(_) => Step::Wrong,
        }
    }

    fn line(&mut self, line: &str) -> Step {
        const REJECTED: Step = Step::Say("REJECTED EXTERNAL\r\n");
        let mut words = line.split(' ');
        let (verb, first, second) = (words.next().unwrap_or_default(), words.next(), words.next());
        match (*self, verb, first, second) {
            (Self::Auth, "AUTH", Some("EXTERNAL"), None) => {
                *self = Self::Data;
                Step::Say("DATA\r\n")
            }
            (Self::Auth, "AUTH", Some("EXTERNAL"), Some(identity)) | (Self::Data, "DATA", Some(identity), None) => {
                self.identify(identity).unwrap_or(REJECTED)
            }
            (Self::Data, "DATA", None, None) => self.identify("").unwrap_or(REJECTED),
            (Self::Known, "NEGOTIATE_UNIX_FD", None, None) => Step::Say("AGREE_UNIX_FD\r\n"),
            (Self::Known, "BEGIN", None, None) => {
                *self = Self::Over;
                Step::Over
            }
            (Self::Auth, "AUTH", ..) => REJECTED,
            (_, "CANCEL" | "ERROR", ..) => {
                *self = Self::Auth;
                REJECTED
            }
            _ => Step::Say("ERROR\r\n"),
        }
    }

    /// Nobody but root is here; who names itself otherwise is wrong. An empty name stands for whom the socket shows.
    fn identify(&mut self, identity: &str) -> Option<Step> {
        let good = identity.is_empty() || identity == ROOT;
        *self = if good { Self::Known } else { Self::Auth };
        good.then_some(Step::Say(OK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs these lines through a handshake.
    fn talk(said: &[u8]) -> (Vec<Step>, Handshake) {
        let (mut handshake, mut heard, mut steps) = (Handshake::default(), said.to_vec(), vec![]);
        while !handshake.is_over() {
            steps.push(handshake.next(&mut heard));
            if matches!(steps.last(), Some(Step::Part | Step::Wrong)) {
                break;
            }
        }
        (steps, handshake)
    }

    #[test]
    fn godbus_gets_in() {
        let (steps, end) = talk(b"\0AUTH\r\nAUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n");
        let said = ["REJECTED EXTERNAL\r\n", "DATA\r\n", OK, "AGREE_UNIX_FD\r\n"].map(Step::Say);
        assert_eq!(steps[..4], said);
        assert_eq!((steps.last(), end), (Some(&Step::Over), Handshake::Over));
    }

    #[test]
    fn a_client_that_names_itself_at_once_gets_in_as_root_alone() {
        assert!(talk(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n").1.is_over());
        for other in [
            &b"\0AUTH EXTERNAL 31303030\r\nBEGIN\r\n"[..],
            b"\0AUTH ANONYMOUS\r\nBEGIN\r\n",
            b"\0BEGIN\r\n",
            b"\0NEGOTIATE_UNIX_FD\r\nBEGIN\r\n",
        ] {
            let (steps, end) = talk(other);
            assert!(!end.is_over() && steps.last() == Some(&Step::Part), "{other:?}: {steps:?}");
        }
    }

    #[test]
    fn what_is_no_handshake_is_wrong() {
        for wrong in [&b"GET / HTTP/1.1\r\n"[..], &[0; 300], b"\0\xff\xfe\r\n", b"l\x01\0\x01"] {
            assert_eq!(talk(wrong).0.last(), Some(&Step::Wrong), "{wrong:?}");
        }
        assert_eq!(talk(b"").0, [Step::Part]);
    }
}
