//! States of sockets.

/// Names of states, by the kernel's numbers, with the words that choose them.
pub const STATES: [(&str, &str); 12] = [
    ("UNKNOWN", "unknown"),
    ("ESTAB", "established"),
    ("SYN-SENT", "syn-sent"),
    ("SYN-RECV", "syn-recv"),
    ("FIN-WAIT-1", "fin-wait-1"),
    ("FIN-WAIT-2", "fin-wait-2"),
    ("TIME-WAIT", "time-wait"),
    ("UNCONN", "closed"),
    ("CLOSE-WAIT", "close-wait"),
    ("LAST-ACK", "last-ack"),
    ("LISTEN", "listening"),
    ("CLOSING", "closing"),
];

/// Bits of all states.
pub const ALL: u32 = 0xfff;
