//! Commands of TELNET among the data (RFC 854), and the options that are negotiated.

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;

const BINARY: u8 = 0;
const ECHO: u8 = 1;
const GO_AHEAD: u8 = 3;
const TERMINAL: u8 = 24;
const WINDOW: u8 = 31;
const ENVIRONMENT: u8 = 39;

/// Longest subnegotiation that is kept; of a longer one the rest is dropped.
const MOST: usize = 512;

/// Place in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Data,
    Command,
    /// Behind WILL, WONT, DO or DONT.
    Option(u8),
    Sub,
    SubCommand,
    /// Behind a carriage return, whose zero is dropped.
    Return,
}

/// Both sides' state.
#[derive(Debug)]
pub struct Protocol {
    state: State,
    sub: Vec<u8>,
    /// Options that the server has said it does.
    remote: Vec<u8>,
    /// Options that we have said we do.
    local: Vec<u8>,
    user: Option<String>,
    wants_binary: bool,
}

/// Outcome of bytes from the server.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// For the screen.
    pub data: Vec<u8>,
    /// For the server.
    pub answer: Vec<u8>,
}

impl Protocol {
    /// Before the first byte.
    pub const fn new(user: Option<String>, wants_binary: bool) -> Self {
        Self { state: State::Data, sub: Vec::new(), remote: Vec::new(), local: Vec::new(), user, wants_binary }
    }

    /// Tells if the server echoes what is typed.
    pub fn is_echoed(&self) -> bool {
        self.remote.contains(&ECHO)
    }

    /// Bytes for the server: its commands' mark is doubled, and a line ends as the network has it.
    pub fn say(&self, bytes: &[u8], is_raw: bool) -> Vec<u8> {
        let is_binary = self.local.contains(&BINARY);
        let talks = !self.remote.is_empty() || !self.local.is_empty();
        let mut out = Vec::with_capacity(bytes.len());
        for (at, &byte) in bytes.iter().enumerate() {
            let follows_return = at > 0 && bytes[at - 1] == b'\r';
            match byte {
                b'\n' if follows_return && !is_raw => out.push(byte),
                IAC if talks => out.extend([IAC, IAC]),
                b'\r' if is_raw && !is_binary => out.extend(b"\r\0"),
                b'\n' if !is_binary => out.extend(if is_raw { &b"\r\0"[..] } else { b"\r\n" }),
                byte => out.push(byte),
            }
        }
        out
    }

    /// Bytes of the server.
    pub fn hear(&mut self, bytes: &[u8], size: (u16, u16)) -> Heard {
        let mut heard = Heard::default();
        for &byte in bytes {
            self.state = self.step(byte, size, &mut heard);
        }
        heard
    }

    fn step(&mut self, byte: u8, size: (u16, u16), heard: &mut Heard) -> State {
        match (self.state, byte) {
            (State::Data | State::Return, IAC) => State::Command,
            (State::Return, 0) => State::Data,
            (State::Data | State::Return, byte) => {
                heard.data.push(byte);
                if byte == b'\r' && !self.remote.contains(&BINARY) { State::Return } else { State::Data }
            }
            (State::Command, IAC) => {
                heard.data.push(IAC);
                State::Data
            }
            (State::Command, WILL..=DONT) => State::Option(byte),
            (State::Command, SB) => {
                self.sub.clear();
                State::Sub
            }
            (State::Command, _) => State::Data,
            (State::Option(command), option) => {
                self.negotiate(command, option, size, heard);
                State::Data
            }
            (State::Sub, IAC) => State::SubCommand,
            (State::Sub, byte) => {
                if self.sub.len() < MOST {
                    self.sub.push(byte);
                }
                State::Sub
            }
            (State::SubCommand, SE) => {
                self.subnegotiate(heard);
                State::Data
            }
            (State::SubCommand, _) => State::Sub,
        }
    }

    /// Each option is agreed to once, and refused once: two machines must not answer each other for ever.
    fn negotiate(&mut self, command: u8, option: u8, size: (u16, u16), heard: &mut Heard) {
        let remote_is_liked = matches!(option, ECHO | GO_AHEAD) || (option == BINARY && self.wants_binary);
        let local_is_liked = matches!(option, GO_AHEAD | TERMINAL | WINDOW)
            || (option == BINARY && self.wants_binary)
            || (option == ENVIRONMENT && self.user.is_some());
        match command {
            WILL if self.remote.contains(&option) => {}
            WILL if remote_is_liked => {
                self.remote.push(option);
                heard.answer.extend([IAC, DO, option]);
            }
            WILL => heard.answer.extend([IAC, DONT, option]),
            WONT if self.remote.contains(&option) => {
                self.remote.retain(|known| *known != option);
                heard.answer.extend([IAC, DONT, option]);
            }
            DO if self.local.contains(&option) => {}
            DO if local_is_liked => {
                self.local.push(option);
                heard.answer.extend([IAC, WILL, option]);
                if option == WINDOW {
                    let size = [size.0.to_be_bytes(), size.1.to_be_bytes()].concat();
                    heard.answer.extend([IAC, SB, WINDOW]);
                    heard.answer.extend(size.iter().flat_map(|&byte| if byte == IAC { vec![IAC, IAC] } else { vec![byte] }));
                    heard.answer.extend([IAC, SE]);
                }
            }
            DO => heard.answer.extend([IAC, WONT, option]),
            DONT if self.local.contains(&option) => {
                self.local.retain(|known| *known != option);
                heard.answer.extend([IAC, WONT, option]);
            }
            _ => {}
        }
    }

    /// The server asks for the terminal's type or the user's name.
    fn subnegotiate(&self, heard: &mut Heard) {
        const SEND: u8 = 1;
        let text = match self.sub.as_slice() {
            [TERMINAL, SEND, ..] => std::env::var("TERM").unwrap_or_else(|_| "dumb".to_owned()).into_bytes(),
            [ENVIRONMENT, SEND, ..] => match &self.user {
                Some(user) => [b"\0USER\x01", user.as_bytes()].concat(),
                None => return,
            },
            _ => return,
        };
        heard.answer.extend([IAC, SB, self.sub[0], 0]);
        heard.answer.extend(text.iter().filter(|byte| **byte != IAC));
        heard.answer.extend([IAC, SE]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_answered_once() {
        let mut protocol = Protocol::new(None, false);
        let heard = protocol.hear(&[b'a', IAC, WILL, ECHO, IAC, WILL, ECHO, IAC, DO, 99, IAC, IAC, b'\r', 0, b'b'], (80, 24));
        assert_eq!(heard.data, [b'a', IAC, b'\r', b'b']);
        assert_eq!(heard.answer, [IAC, DO, ECHO, IAC, WONT, 99]);
        assert!(protocol.is_echoed());
        assert_eq!(protocol.say(b"x\n", true), b"x\r\0");
        let window = protocol.hear(&[IAC, DO, WINDOW], (80, 255));
        assert_eq!(window.answer, [IAC, WILL, WINDOW, IAC, SB, WINDOW, 0, 80, 0, IAC, IAC, IAC, SE]);
    }

    #[test]
    fn a_port_that_is_no_telnet_gets_what_is_typed() {
        let protocol = Protocol::new(None, false);
        assert_eq!(protocol.say(&[b'a', IAC, b'\n'], false), [b'a', IAC, b'\r', b'\n']);
        assert_eq!(protocol.say(b"a\r\n\n", false), b"a\r\n\r\n");
    }

    #[test]
    fn a_long_subnegotiation_is_cut() {
        let mut protocol = Protocol::new(None, false);
        let _ = protocol.hear(&[IAC, SB], (1, 1));
        let _ = protocol.hear(&vec![7; 100_000], (1, 1));
        assert!(protocol.sub.len() <= MOST);
    }
}
