//! Images: files that a script has fetched, and the one that it starts.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::machine::{Machine, Run, Step};
use super::{End, Fetched, Found};

/// The most images at a time, and fetches of one script: it may loop.
const IMAGES: usize = 64;
const FETCHES: usize = 500;

/// A file with its name and arguments.
#[derive(Debug, Clone, Default)]
pub(super) struct Image {
    pub name: String,
    pub uri: String,
    pub words: String,
    pub file: Fetched,
}

/// Options of a command about images.
#[derive(Default)]
struct Options<'a> {
    name: Option<&'a str>,
    autofree: bool,
    replace: bool,
    /// The URI, or an image's name.
    target: Option<&'a str>,
    words: String,
}

fn options<'a>(args: &[&'a str]) -> Result<Options<'a>, String> {
    let mut options = Options::default();
    let mut args = args.iter().copied().peekable();
    while let Some(option) = args.next_if(|arg| arg.starts_with('-')) {
        match option {
            "--name" | "-n" => options.name = args.next(),
            "--timeout" | "-t" => drop(args.next()),
            "--autofree" | "-a" => options.autofree = true,
            "--replace" | "-r" => options.replace = true,
            "--keep" | "-k" | "--sigdir" => {}
            other => match other.split_once('=') {
                Some(("--name", name)) => options.name = Some(name),
                Some(("--timeout", _)) => {}
                _ => return Err(format!("the option {other} is not understood")),
            },
        }
    }
    options.target = args.next().filter(|target| !target.is_empty());
    options.words = args.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    Ok(options)
}

impl Machine<'_> {
    /// `kernel`, `initrd`, `imgfetch` and the like.
    pub(super) fn fetch_command(&mut self, command: &str, args: &[&str], base: &str) -> Run {
        let options = options(args)?;
        let target = options.target.ok_or_else(|| format!("{command} needs a file"))?;
        let select = matches!(command, "kernel" | "imgselect" | "imgload");
        // An image that is here already is not fetched anew.
        let known = self.images.iter().position(|image| image.name == target && options.name.is_none());
        let at = match known.filter(|_| select) {
            Some(at) => at,
            None => self.register(target, options.name, base)?,
        };
        let image = &mut self.images[at];
        if known.is_none() || !options.words.is_empty() {
            image.words = options.words;
        }
        if select {
            self.selected = Some(image.name.clone());
        } else {
            self.extra(at)?;
        }
        Ok(Step::Next)
    }

    /// Refuse what an initrd's arguments ask for beyond a path.
    fn extra(&mut self, at: usize) -> Result<(), String> {
        let words = &self.images[at].words;
        let options = ["mode=", "mkdir="];
        match words.split_whitespace().find(|word| options.iter().any(|option| word.starts_with(option))) {
            Some(word) if words.starts_with('/') => Err(format!("{word} of an initrd can't be done here")),
            _ => Ok(()),
        }
    }

    /// Fetch a file and keep it by its name.
    fn register(&mut self, uri: &str, name: Option<&str>, base: &str) -> Result<usize, String> {
        self.fetched += 1;
        if self.fetched > FETCHES {
            return Err(format!("the script fetches more than {FETCHES} files"));
        }
        let (plain, form) = match uri.split_once("##params") {
            Some((plain, rest)) => (plain, Some(rest.strip_prefix('=').unwrap_or_default())),
            None => (uri, None),
        };
        let form = match form {
            Some(name) => {
                let form = self.forms.get(name);
                Some(form.cloned().ok_or_else(|| format!("there are no parameters {name:?}"))?)
            }
            None => None,
        };
        let file = self.world.fetch(base, plain, form.as_deref())?;
        let path = plain.split(['?', '#']).next().unwrap_or(plain);
        let own = path.rsplit('/').next().filter(|own| !own.is_empty()).unwrap_or("image");
        let name = name.unwrap_or(own);
        self.forget(name);
        if self.images.len() >= IMAGES {
            self.world.free(file.key);
            return Err(format!("there are more than {IMAGES} images"));
        }
        let image = Image { name: name.to_string(), uri: uri.to_string(), words: String::new(), file };
        self.images.push(image);
        Ok(self.images.len() - 1)
    }

    /// Remove an image of that name.
    fn forget(&mut self, name: &str) {
        if let Some(at) = self.images.iter().position(|image| image.name == name) {
            let image = self.images.remove(at);
            self.world.free(image.file.key);
        }
    }

    pub(super) fn imgfree(&mut self, args: &[&str]) -> Run {
        let names: Vec<String> = match args.iter().find(|arg| !arg.starts_with('-') && !arg.is_empty()) {
            Some(name) if !self.images.iter().any(|image| image.name == **name) => {
                return Err(format!("there is no image {name}"));
            }
            Some(name) => alloc::vec![(*name).to_string()],
            None => self.images.iter().map(|image| image.name.clone()).collect(),
        };
        for name in names {
            self.forget(&name);
            if self.selected.as_deref() == Some(&name) {
                self.selected = None;
            }
        }
        Ok(Step::Next)
    }

    pub(super) fn imgargs(&mut self, args: &[&str], base: &str) -> Run {
        let options = options(args)?;
        let target = options.target.ok_or("imgargs needs an image")?;
        let at = match self.images.iter().position(|image| image.name == target) {
            Some(at) => at,
            None => self.register(target, None, base)?,
        };
        self.images[at].words = options.words;
        Ok(Step::Next)
    }

    /// `boot`, `imgexec`, `chain`: a script goes on with all that this one has set; a kernel is loaded.
    pub(super) fn execute(&mut self, command: &str, args: &[&str], base: &str, depth: usize) -> Run {
        let options = options(args)?;
        let at = match options.target {
            Some(target) => match self.images.iter().position(|image| image.name == target) {
                Some(at) => at,
                None => self.register(target, options.name, base)?,
            },
            None if command == "chain" => return Err("chain needs a file".into()),
            None => self.chosen()?,
        };
        let image = &mut self.images[at];
        if options.target.is_some() && !options.words.is_empty() {
            image.words = options.words;
        }
        let (name, file) = (image.name.clone(), image.file.clone());
        if let Some(text) = &file.script {
            // A script is no segment of what it starts.
            self.forget(&name);
            let end = self.script(text, &file.url, depth + 1)?;
            return match end {
                Step::Next if options.replace => Ok(Step::End(End::Exit(0))),
                end if options.replace => Ok(end),
                Step::End(End::Exit(0)) => Ok(Step::Next),
                Step::End(End::Exit(number)) => Err(format!("the script {name} ended with {number}")),
                end => Ok(end),
            };
        }
        let before = self.selected.replace(name.clone());
        match self.boot() {
            Ok(()) => Ok(Step::End(End::Boot)),
            Err(why) => {
                self.selected = before;
                if options.autofree {
                    self.forget(&name);
                }
                Err(why)
            }
        }
    }

    /// The image that is started when none is named: the selected one, or the only one.
    fn chosen(&self) -> Result<usize, String> {
        match (&self.selected, self.images.len()) {
            (Some(name), _) => {
                let found = self.images.iter().position(|image| image.name == *name);
                found.ok_or_else(|| "there is nothing to boot".to_string())
            }
            (None, 1) => Ok(0),
            _ => Err("there is nothing to boot".into()),
        }
    }

    /// Load the selected image with all others.
    pub(super) fn boot(&mut self) -> Result<(), String> {
        let at = self.chosen()?;
        let kernel = &self.images[at];
        let others = self.images.iter().enumerate().filter(|(other, image)| *other != at && image.file.script.is_none());
        let segment = |(_, image): (usize, &Image)| {
            let path = image.words.split_whitespace().next().filter(|path| path.starts_with('/'));
            (image.file.clone(), path.map(ToString::to_string))
        };
        let found = Found { kernel: kernel.file.clone(), initrds: others.map(segment).collect(), words: kernel.words.clone() };
        self.world.load(&found)
    }

    #[expect(clippy::unnecessary_wraps, reason = "the form of a command")]
    pub(super) fn imgstat(&mut self) -> Run {
        for image in &self.images {
            self.world.say(&format!("{} : {} {}", image.name, image.uri, image.words));
        }
        Ok(Step::Next)
    }
}
