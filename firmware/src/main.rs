//! The builder's command line: `cargo firmware -- VERB`. A thin front of the library.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use firmware::board::{Arch, Board};
use firmware::image::{self, Options};
use firmware::kernel::Kernel;
use firmware::kube::Kube;
use firmware::release::{self, Settings};
use firmware::sign::Key;
use firmware::{bundle, pack_images, segment, sizes, test_image, tools};

/// Builds what boots.
#[derive(Parser)]
struct Call {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Install the build tools that are missing
    Tools {
        /// The board, a file in board/
        #[arg(long, default_value = "x86_64-qemu")]
        board: String,
    },
    /// Build a board's outputs into out/BOARD/ and print their sizes
    Image {
        /// The board, a file in board/
        #[arg(long, default_value = "x86_64-qemu")]
        board: String,
        /// The Kubernetes bundle: worker, node, control-plane or none
        #[arg(long, default_value = "node")]
        kube: Kube,
        /// Container images to take along: tar archives or OCI layout directories
        #[arg(long, num_args = 1..)]
        images: Vec<PathBuf>,
        /// Sign the manifest with this key, and have nodes take what it signs
        #[arg(long, value_name = "KEY")]
        sign: Option<PathBuf>,
        /// A directory with a board's own firmware files, such as a Raspberry Pi's start4.elf
        #[arg(long)]
        firmware: Option<PathBuf>,
        /// Measure the segments as xz too
        #[arg(long)]
        xz: bool,
    },
    /// Make a key to sign with: FILE, which stays here, and FILE.pub, a node's /etc/kutties/update.pub
    Key {
        /// The file to make
        file: PathBuf,
    },
    /// Sign files, each as FILE.sig: a manifest, or a node's settings
    Sign {
        /// The key
        #[arg(long)]
        key: PathBuf,
        /// Files to sign
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Build or fetch a board's kernel alone
    Kernel {
        /// The board, a file in board/
        #[arg(long, default_value = "x86_64-linuxboot")]
        board: String,
    },
    /// Build a board's outputs and draw what takes the room, out/BOARD/sizes.svg
    Sizes {
        /// Draw this manifest.json to standard output, and build nothing
        #[arg(long, value_name = "FILE", conflicts_with_all = ["board", "kube"])]
        manifest: Option<PathBuf>,
        /// The board, a file in board/
        #[arg(long, default_value = "x86_64-qemu")]
        board: String,
        /// The Kubernetes bundle: worker, node, control-plane or none
        #[arg(long, default_value = "node")]
        kube: Kube,
    },
    /// Pack a directory of files as a node segment
    Node {
        /// The directory, as it shall lie on the node
        files: PathBuf,
        /// The segment to write
        segment: PathBuf,
    },
    /// Pack the test image into out/images/
    TestImage {
        /// The processor
        #[arg(long, default_value = "x86_64")]
        arch: Arch,
    },
    /// Pack any set of images into a segment: what is no file here is pulled from its registry
    PackImages {
        /// The segment to write, such as images.cpio.zst
        #[arg(long)]
        out: PathBuf,
        /// The program that pulls, built for this machine's processor; without one it is built
        #[arg(long, value_name = "PROGRAM")]
        kutties: Option<PathBuf>,
        /// Names of images, archives (docker or OCI, tar), or directories that are OCI layouts
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<String>,
    },
    /// Build one of the Go bundles
    Bundle {
        /// Its name
        variant: String,
        /// The processor
        #[arg(long, default_value = "x86_64")]
        arch: Arch,
        /// The directory to put it into
        #[arg(long)]
        out: PathBuf,
    },
    /// Build the segment of one Kubernetes bundle, such as worker-1.36 or control-plane, into out/BOARD/
    Kube {
        /// The bundle's name
        variant: String,
        /// The board, a file in board/
        #[arg(long, default_value = "x86_64-qemu")]
        board: String,
    },
    /// Resolve a Go bundle's modules anew and write its go.mod and go.sum
    Pin {
        /// The set of modules
        set: String,
    },
    /// Build all boards' outputs and write them into out/release/, signed, with sums and notes
    Release {
        /// The key that signs manifests and sums
        #[arg(long, value_name = "KEY")]
        sign: PathBuf,
        /// The Kubernetes bundle: worker, node, control-plane or none
        #[arg(long, default_value = "node")]
        kube: Kube,
        /// A board, a file in board/; may be given several times, all that are released without
        #[arg(long = "board", value_name = "BOARD")]
        boards: Vec<String>,
        /// A directory with boards' own firmware files, such as a Raspberry Pi's start4.elf
        #[arg(long)]
        firmware: Option<PathBuf>,
        /// Take a tree with changes, and the quick profile
        #[arg(long)]
        draft: bool,
    },
    /// List the boards
    Boards,
}

fn main() -> ExitCode {
    match run(Call::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("firmware: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Tools { board } => tools::ensure(&Board::load(&board)?).map(drop),
        Verb::Image { board, kube, images, sign, firmware, xz } => {
            let outputs = image::build(&Board::load(&board)?, &Options { kube, images, sign, whole: true, firmware })?;
            sizes::print(&outputs, xz)
        }
        Verb::Key { file } => Key::make(&file).map(|_| println!("{0} is secret; {0}.pub is for nodes", file.display())),
        Verb::Sign { key, files } => {
            let key = Key::read(&key)?;
            files.iter().try_for_each(|file| key.sign_file(file).map(|path| println!("{}", path.display())))
        }
        Verb::Kernel { board } => Kernel::fetch(&Board::load(&board)?).map(|kernel| println!("{}", kernel.vmlinuz.display())),
        Verb::Sizes { manifest: Some(manifest), .. } => sizes::of_manifest(&manifest).map(|picture| print!("{picture}")),
        Verb::Sizes { manifest: None, board, kube } => {
            let board = Board::load(&board)?;
            let outputs = image::build(&board, &Options { kube, ..Options::default() })?;
            sizes::draw(&board, &outputs).map(|path| println!("{}", path.display()))
        }
        Verb::Node { files, segment } => {
            let segment = std::path::absolute(&segment).with_context(|| format!("find {}", segment.display()))?;
            segment::node(&files, &segment).map(drop)
        }
        Verb::TestImage { arch } => test_image::build(arch).map(|path| println!("{}", path.display())),
        Verb::PackImages { out, kutties, images } => {
            let out = std::path::absolute(&out).with_context(|| format!("find {}", out.display()))?;
            pack_images::pack(&images, kutties.as_deref(), &out)
        }
        Verb::Bundle { variant, arch, out } => {
            bundle::build(&variant, arch.name(), &out).map(|path| println!("{}", path.display()))
        }
        Verb::Kube { variant, board } => {
            image::kube_segment(&Board::load(&board)?, &variant).map(|path| println!("{}", path.display()))
        }
        Verb::Pin { set } => bundle::pin::pin(&set).map(|path| println!("{}", path.display())),
        Verb::Release { sign, kube, boards, firmware, draft } => {
            let settings = Settings { sign, kube, boards, firmware, draft };
            release::build(&settings).map(|path| println!("{}", path.display()))
        }
        Verb::Boards => {
            for name in Board::names()? {
                println!("{name:<16} {}", Board::load(&name)?.about);
            }
            Ok(())
        }
    }
}
