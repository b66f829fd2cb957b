//! One session: a shell or a command, with or without a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use kit::{Context, Error, Result};
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// Limit of a read from a program, in bytes, and of a client's packets that wait for it.
const PART: usize = 16 << 10;
const PACKETS: usize = 16;
/// Timeout of output once the program has ended: something in the background may hold its terminal
/// for ever.
const REST: Duration = Duration::from_secs(2);
/// End of input, typed at a terminal.
const END: &[u8] = b"\x04";
/// The number of a session's standard error.
const STDERR: u32 = 1;

/// A terminal's size and kind, as the client told.
struct Terminal {
    size: Winsize,
    kind: String,
}

/// Program that was started.
struct Started {
    child: Child,
    /// Input from the client.
    input: Box<dyn Write + Send>,
    /// Outputs to the client, the number as for extended data.
    outputs: Vec<(Box<dyn Read + Send>, Option<u32>)>,
    /// The terminal's other end, to set its size.
    terminal: Option<OwnedFd>,
}

/// Wait for what the client wants, do that, and tell how it ended. `gone` ends with the connection.
pub async fn run(channel: Channel<Msg>, mut gone: watch::Receiver<()>) {
    let (mut read, write) = channel.split();
    let Some((terminal, command)) = wanted(&mut read).await else { return };
    let code = match start(terminal.as_ref(), command.as_deref()) {
        Ok(started) => attend(started, &mut read, &write, &mut gone).await,
        Err(e) => {
            // The client may be gone; then nobody wants to know.
            let _ = write.extended_data_bytes(STDERR, format!("{e}\r\n").into_bytes()).await;
            Some(u32::from(kit::Exit::NOT_RUN.0))
        }
    };
    if let Some(code) = code {
        let _ = write.exit_status(code).await;
        let _ = write.eof().await;
    }
    let _ = write.close().await;
}

/// The terminal, if one is wanted, and the command; none stands for a shell.
async fn wanted(read: &mut ChannelReadHalf) -> Option<(Option<Terminal>, Option<String>)> {
    let mut terminal: Option<Terminal> = None;
    loop {
        match read.wait().await? {
            ChannelMsg::RequestPty { term, col_width, row_height, .. } => {
                terminal = Some(Terminal { size: size(col_width, row_height), kind: term });
            }
            ChannelMsg::WindowChange { col_width, row_height, .. } => {
                if let Some(terminal) = &mut terminal {
                    terminal.size = size(col_width, row_height);
                }
            }
            ChannelMsg::RequestShell { .. } => return Some((terminal, None)),
            ChannelMsg::Exec { command, .. } => return Some((terminal, Some(String::from_utf8_lossy(&command).into_owned()))),
            ChannelMsg::Close => return None,
            _ => {}
        }
    }
}

fn size(columns: u32, rows: u32) -> Winsize {
    let short = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
    Winsize { ws_row: short(rows), ws_col: short(columns), ws_xpixel: 0, ws_ypixel: 0 }
}

fn start(terminal: Option<&Terminal>, command: Option<&str>) -> Result<Started> {
    let mut shell = Command::new("/bin/sh");
    match command {
        Some(command) => shell.args(["-c", command]),
        // A dash in front makes it a login shell.
        None => shell.arg0("-sh"),
    };
    shell.env_clear().envs([("HOME", "/root"), ("USER", "root"), ("LOGNAME", "root"), ("SHELL", "/bin/sh")]);
    shell.env("PATH", "/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin").current_dir("/root");
    match terminal {
        Some(terminal) => with_terminal(shell, terminal),
        None => with_pipes(shell),
    }
}

fn with_terminal(mut shell: Command, terminal: &Terminal) -> Result<Started> {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).doing("make a terminal")?;
    grantpt(&master).and_then(|()| unlockpt(&master)).doing("make a terminal")?;
    let name = ptsname(&master, Vec::new()).doing("make a terminal")?;
    let slave = File::options().read(true).write(true).open(name.to_string_lossy().as_ref()).doing("open a terminal")?;
    tcsetwinsize(&master, terminal.size).doing("set the size of a terminal")?;
    let share = |file: &File| file.try_clone().doing("share a terminal");
    shell.env("TERM", &terminal.kind).stdin(share(&slave)?).stdout(share(&slave)?).stderr(slave);
    sys::child::before_exec(&mut shell, sys::child::Before { session: true, terminal: true, ..Default::default() });
    let child = shell.spawn().doing("run /bin/sh")?;
    // The command holds the terminal's near end: without this its end would never be seen.
    drop(shell);
    let master = File::from(master);
    let outputs: Vec<(Box<dyn Read + Send>, _)> = vec![(Box::new(share(&master)?), None)];
    Ok(Started { child, input: Box::new(share(&master)?), outputs, terminal: Some(master.into()) })
}

fn with_pipes(mut shell: Command) -> Result<Started> {
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    sys::child::before_exec(&mut shell, sys::child::Before { session: true, ..Default::default() });
    let mut child = shell.spawn().doing("run /bin/sh")?;
    let lost = || Error::new("run /bin/sh: it has no pipes");
    let input = child.stdin.take().ok_or_else(lost)?;
    let (out, err) = (child.stdout.take().ok_or_else(lost)?, child.stderr.take().ok_or_else(lost)?);
    let outputs: Vec<(Box<dyn Read + Send>, _)> = vec![(Box::new(out), None), (Box::new(err), Some(STDERR))];
    Ok(Started { child, input: Box::new(input), outputs, terminal: None })
}

/// Carry bytes both ways until the program ends; its exit code, or none when the client went away before.
async fn attend(
    started: Started,
    read: &mut ChannelReadHalf,
    write: &ChannelWriteHalf<Msg>,
    gone: &mut watch::Receiver<()>,
) -> Option<u32> {
    let Started { mut child, input, outputs, terminal } = started;
    let group = Pid::from_child(&child);
    let (hold, mut outputs_over) = mpsc::channel::<()>(1);
    for (output, number) in outputs {
        carry_out(output, write.make_writer_ext(number), hold.clone());
    }
    drop(hold);
    let mut keyboard = Some(carry_in(input));
    let (tell, mut ended) = oneshot::channel();
    // Without a thread nobody sees its end: then it is sent away below.
    let waits = thread::Builder::new().spawn(move || tell.send(child.wait())).is_ok();
    if !waits {
        send(group, Some(Signal::HUP));
        return None;
    }
    // Typed, and not taken yet by a program that reads slowly or never: the client may still go away meanwhile.
    let mut typed = None;
    let status = loop {
        tokio::select! {
            status = &mut ended => break status.ok()?.ok()?,
            _ = gone.changed() => {
                send(group, Some(Signal::HUP));
                return None;
            }
            () = hand_over(keyboard.as_ref(), &mut typed), if typed.is_some() => {}
            said = read.wait(), if typed.is_none() => match said {
                Some(ChannelMsg::Data { data }) => typed = Some(data.to_vec()),
                Some(ChannelMsg::WindowChange { col_width, row_height, .. }) => if let Some(terminal) = &terminal {
                    let _ = tcsetwinsize(terminal, size(col_width, row_height));
                },
                Some(ChannelMsg::Signal { signal }) => send(group, signal_of(&signal)),
                Some(ChannelMsg::Eof) => match &terminal {
                    Some(_) => typed = Some(END.to_vec()),
                    None => keyboard = None,
                },
                Some(ChannelMsg::Close) | None => {
                    send(group, Some(Signal::HUP));
                    return None;
                }
                Some(_) => {}
            },
        }
    };
    let _ = timeout(REST, outputs_over.recv()).await;
    // As shells tell it.
    let by_signal = status.signal().map(|signal| 128 + signal.unsigned_abs());
    Some(status.code().map_or(by_signal.unwrap_or(1), i32::unsigned_abs))
}

/// Hand what was typed to the program as soon as there is room. A program that no longer reads has ended, or will.
async fn hand_over(keyboard: Option<&mpsc::Sender<Vec<u8>>>, typed: &mut Option<Vec<u8>>) {
    let room = match keyboard {
        Some(keyboard) => keyboard.reserve().await.ok(),
        None => None,
    };
    if let (Some(bytes), Some(room)) = (typed.take(), room) {
        room.send(bytes);
    }
}

/// A program's output to the client, no faster than it takes it. A thread, for a pipe can't be waited for otherwise.
fn carry_out(mut from: Box<dyn Read + Send>, mut to: impl AsyncWrite + Unpin + Send + 'static, hold: mpsc::Sender<()>) {
    let runtime = Handle::current();
    // Without a thread the pipe is closed, which the program sees.
    let _ = thread::Builder::new().spawn(move || {
        let mut part = vec![0; PART];
        // A terminal whose last program has ended answers with an error.
        while let Ok(len @ 1..) = from.read(&mut part) {
            if runtime.block_on(to.write_all(part.get(..len).unwrap_or_default())).is_err() {
                break;
            }
        }
        let _ = runtime.block_on(to.flush());
        drop(hold);
    });
}

/// Returns the sender for the client's input; dropped, it ends the program's input.
fn carry_in(mut to: Box<dyn Write + Send>) -> mpsc::Sender<Vec<u8>> {
    let (tell, mut told) = mpsc::channel::<Vec<u8>>(PACKETS);
    let _ = thread::Builder::new().spawn(move || {
        while let Some(bytes) = told.blocking_recv() {
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
    });
    tell
}

fn send(group: Pid, signal: Option<Signal>) {
    // It may have ended by itself.
    let _ = signal.map(|signal| kill_process_group(group, signal));
}

fn signal_of(signal: &Sig) -> Option<Signal> {
    Some(match signal {
        Sig::HUP => Signal::HUP,
        Sig::INT => Signal::INT,
        Sig::KILL => Signal::KILL,
        Sig::QUIT => Signal::QUIT,
        Sig::TERM => Signal::TERM,
        Sig::USR1 => Signal::USR1,
        _ => return None,
    })
}
