//! `make critest CRITEST=FILE`: a critest that a person supplies, in a machine of ours, against our runtime.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "for the person who typed make critest")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use conformance::specs::Choice;
use conformance::suite::Suite;
use conformance::{host, images, node};
use kit::{Context, Error, Result};
use lab::appliance::Appliance;
use lab::guest::Guest;
use lab::network::Lab;
use lab::registry::Registry;
use lab::vm::Vm;
use lab::{namespace, segment};

/// Runs a critest against our runtime, without what can't pass here (specs.toml). Bring a static one of cri-tools' release.
#[derive(Parser)]
#[command(name = "critest")]
struct Options {
    /// The program, for the board's processor.
    critest: Option<PathBuf>,
    /// A board of `board/`.
    #[arg(long, default_value = "x86_64-qemu")]
    board: String,
    /// Take what was built before instead of building.
    #[arg(long)]
    no_build: bool,
    /// Arguments for critest, such as `--ginkgo.focus=…`.
    #[arg(last = true)]
    more: Vec<String>,
}

const BOOT: Duration = Duration::from_mins(5);
/// critest takes minutes on metal, twenty times that under emulation.
const LIMIT: Duration = Duration::from_hours(4);
/// Interval at which its output is fetched.
const LOOK: Duration = Duration::from_secs(2);

/// Path in the guest, and of the file with its images.
const PROGRAM: &str = "/usr/lib/critest/critest";
const IMAGES: &str = "/usr/lib/critest/images.yaml";
const SAID: &str = "/run/critest.log";
const ENDED: &str = "/run/critest.code";

/// Without a kubelet nobody says which addresses pods get.
const NETWORK: &str = r#"{
  "cniVersion": "1.0.0", "name": "critest",
  "plugins": [
    {"type": "bridge", "bridge": "critest0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.245.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
"#;

fn main() -> ExitCode {
    run(&Options::parse()).unwrap_or_else(|e| {
        eprintln!("critest: {e}");
        ExitCode::FAILURE
    })
}

fn run(options: &Options) -> Result<ExitCode> {
    let Some(critest) = &options.critest else {
        return Err(Error::new("nothing was tried: give the program, as in `make critest CRITEST=/path/to/critest`"));
    };
    let program = fs::read(critest).on("read", critest)?;
    if !namespace::inside() {
        let appliance = if options.no_build { Appliance::open(&options.board)? } else { Appliance::build(&options.board)? };
        images::build(appliance.board.arch, &options.board)?;
        Suite::ready()?;
        lab::registry::ready()?;
        host::tree(appliance.board.arch)?;
        return namespace::enter();
    }
    let suite = Suite::ready()?;
    let appliance = Appliance::open(&options.board)?;
    let lab = Lab::start()?;
    let registry = Registry::start(&lab)?;
    let packed = appliance.dir().join("lab/conformance");
    images::publish(&registry, &suite, &packed)?;
    images::publish_critest(&registry, &packed)?;
    let (base, server) = images::CRITEST_BASE;
    let of_files = format!("defaultTestContainerImage: {base}\nwebServerTestImage: {server}\n");
    let seat = lab.seat("critest")?;
    let mut spec = appliance.test_spec(lab.dir().join("critest"));
    let files: [(&str, &[u8]); 3] =
        [(PROGRAM, &program), (IMAGES, of_files.as_bytes()), ("/etc/cni/net.d/10-critest.conflist", NETWORK.as_bytes())];
    spec.segments.push(segment::files(&spec.dir.join("critest.cpio"), &files)?);
    let called = host::files(appliance.board.arch, &host::tree(appliance.board.arch)?)?;
    spec.segments.push(segment::write(&called, &spec.dir.join("called.cpio"))?);
    spec.nics.push(seat.nic);
    spec.memory = 2048;
    let mut vm = Vm::boot(&spec)?;
    vm.wait_agent(BOOT)?;
    for of in [images::UPSTREAM, images::CRITEST, images::CRITEST_ELDER] {
        node::mirror(&vm.guest, of)?;
    }
    let choice = Choice::read()?;
    let left_out = choice.critest()?;
    for (name, why) in left_out {
        println!("left out {name}: {why}");
    }
    let skip = left_out.keys().map(|name| format!("--ginkgo.skip={name}"));
    let code = follow(&vm.guest, &skip.chain(options.more.iter().cloned()).collect::<Vec<_>>())?;
    println!("critest ended with {code}");
    Ok(if code == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs it and shows what it says meanwhile; its exit code.
fn follow(guest: &Guest, more: &[String]) -> Result<i32> {
    let socket = "unix:///run/kutties/cri.sock";
    let own = format!("{PROGRAM} --runtime-endpoint={socket} --image-endpoint={socket} --test-images-file={IMAGES}");
    let line = more.iter().fold(own, |line, word| format!("{line} '{}'", word.replace('\'', r"'\''")));
    guest.sh(&format!("({line} > {SAID} 2>&1 < /dev/null; echo $? > {ENDED}.new; mv {ENDED}.new {ENDED}) > /dev/null 2>&1 &"))?;
    let (start, mut read) = (Instant::now(), 0);
    loop {
        let ended = guest.sh(&format!("cat {ENDED} 2> /dev/null || true"))?;
        let said = guest.read(SAID)?;
        std::io::stdout().write_all(said.get(read..).unwrap_or_default()).doing("show what critest says")?;
        read = said.len();
        std::io::stdout().flush().doing("show what critest says")?;
        if let Ok(code) = ended.trim().parse() {
            return Ok(code);
        }
        if start.elapsed() > LIMIT {
            return Err(Error::new(format!("critest is not done within {} minutes", LIMIT.as_secs() / 60)));
        }
        std::thread::sleep(LOOK);
    }
}
