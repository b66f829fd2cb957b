//! Options of `set` and `shopt`.

use crate::ast::Bytes;
use crate::shell::Shell;

/// Options of `set -o`, each of the name that it has there.
#[derive(Debug, Clone)]
pub struct Set {
    pub allexport: bool,
    pub braceexpand: bool,
    pub emacs: bool,
    pub errexit: bool,
    pub errtrace: bool,
    pub functrace: bool,
    pub hashall: bool,
    pub histexpand: bool,
    pub history: bool,
    pub ignoreeof: bool,
    pub interactive_comments: bool,
    pub keyword: bool,
    pub monitor: bool,
    pub noclobber: bool,
    pub noexec: bool,
    pub noglob: bool,
    pub nolog: bool,
    pub notify: bool,
    pub nounset: bool,
    pub onecmd: bool,
    pub physical: bool,
    pub pipefail: bool,
    pub posix: bool,
    pub privileged: bool,
    pub verbose: bool,
    pub vi: bool,
    pub xtrace: bool,
}

impl Default for Set {
    fn default() -> Self {
        Self {
            allexport: false,
            braceexpand: false,
            emacs: false,
            errexit: false,
            errtrace: false,
            functrace: false,
            hashall: true,
            histexpand: false,
            history: false,
            ignoreeof: false,
            interactive_comments: true,
            keyword: false,
            monitor: false,
            noclobber: false,
            noexec: false,
            noglob: false,
            nolog: false,
            notify: false,
            nounset: false,
            onecmd: false,
            physical: false,
            pipefail: false,
            posix: false,
            privileged: false,
            verbose: false,
            vi: false,
            xtrace: false,
        }
    }
}

/// Name, letter, and place of an option.
type Row = (&'static str, Option<u8>, fn(&mut Set) -> &mut bool);

/// Options of `set`, by name.
const SET: &[Row] = &[
    ("allexport", Some(b'a'), |s| &mut s.allexport),
    ("braceexpand", Some(b'B'), |s| &mut s.braceexpand),
    ("emacs", None, |s| &mut s.emacs),
    ("errexit", Some(b'e'), |s| &mut s.errexit),
    ("errtrace", Some(b'E'), |s| &mut s.errtrace),
    ("functrace", Some(b'T'), |s| &mut s.functrace),
    ("hashall", Some(b'h'), |s| &mut s.hashall),
    ("histexpand", Some(b'H'), |s| &mut s.histexpand),
    ("history", None, |s| &mut s.history),
    ("ignoreeof", None, |s| &mut s.ignoreeof),
    ("interactive-comments", None, |s| &mut s.interactive_comments),
    ("keyword", Some(b'k'), |s| &mut s.keyword),
    ("monitor", Some(b'm'), |s| &mut s.monitor),
    ("noclobber", Some(b'C'), |s| &mut s.noclobber),
    ("noexec", Some(b'n'), |s| &mut s.noexec),
    ("noglob", Some(b'f'), |s| &mut s.noglob),
    ("nolog", None, |s| &mut s.nolog),
    ("notify", Some(b'b'), |s| &mut s.notify),
    ("nounset", Some(b'u'), |s| &mut s.nounset),
    ("onecmd", Some(b't'), |s| &mut s.onecmd),
    ("physical", Some(b'P'), |s| &mut s.physical),
    ("pipefail", None, |s| &mut s.pipefail),
    ("posix", None, |s| &mut s.posix),
    ("privileged", Some(b'p'), |s| &mut s.privileged),
    ("verbose", Some(b'v'), |s| &mut s.verbose),
    ("vi", None, |s| &mut s.vi),
    ("xtrace", Some(b'x'), |s| &mut s.xtrace),
];

impl Set {
    /// Names of the options that are on.
    pub fn names(&self) -> Vec<String> {
        self.all().into_iter().filter(|(_, on)| *on).map(|(name, _)| name.to_owned()).collect()
    }

    /// All options with their values.
    pub fn all(&self) -> Vec<(&'static str, bool)> {
        let mut copy = self.clone();
        SET.iter().map(|(name, _, place)| (*name, *place(&mut copy))).collect()
    }
}

impl Shell {
    /// Switches an option of `set` by its name; false when there is none of that name.
    pub fn set_option(&mut self, name: &str, on: bool) -> bool {
        let Some((name, _, place)) = SET.iter().find(|(known, ..)| *known == name) else {
            return false;
        };
        *place(&mut self.set) = on;
        match *name {
            "verbose" => self.settings.verbose.set(on),
            "emacs" if on => self.set.vi = false,
            "vi" if on => self.set.emacs = false,
            "monitor" => self.job_control(on),
            _ => {}
        }
        true
    }

    /// The same by its letter.
    pub fn set_letter(&mut self, letter: u8, on: bool) -> bool {
        let row = SET.iter().find(|(_, known, _)| *known == Some(letter));
        row.is_some_and(|(name, ..)| self.set_option(name, on))
    }

    /// `$-`
    pub fn option_letters(&self) -> Bytes {
        let mut copy = self.set.clone();
        let on = |row: &&Row| *row.2(&mut copy);
        let mut letters: Bytes = SET.iter().filter(on).filter_map(|row| row.1).collect();
        let more = [(self.interactive, b'i'), (self.command_string, b'c'), (self.from_stdin, b's')];
        letters.extend(more.iter().filter(|(is, _)| *is).map(|(_, letter)| *letter));
        letters
    }
}

/// Options of `shopt`, each of the name that it has there.
#[derive(Debug, Clone, Default)]
pub struct Shopt {
    pub autocd: bool,
    pub cdspell: bool,
    pub checkwinsize: bool,
    pub cmdhist: bool,
    pub dotglob: bool,
    pub execfail: bool,
    pub expand_aliases: bool,
    pub extglob: bool,
    pub failglob: bool,
    pub globstar: bool,
    pub histappend: bool,
    pub huponexit: bool,
    pub inherit_errexit: bool,
    pub lastpipe: bool,
    pub localvar_inherit: bool,
    pub nocaseglob: bool,
    pub nocasematch: bool,
    pub nullglob: bool,
    pub patsub_replacement: bool,
    pub progcomp: bool,
    pub promptvars: bool,
    pub sourcepath: bool,
    pub xpg_echo: bool,
}

/// Name and place of an option.
type ShoptRow = (&'static str, fn(&mut Shopt) -> &mut bool);

/// Options of `shopt`, by name.
const SHOPT: &[ShoptRow] = &[
    ("autocd", |s| &mut s.autocd),
    ("cdspell", |s| &mut s.cdspell),
    ("checkwinsize", |s| &mut s.checkwinsize),
    ("cmdhist", |s| &mut s.cmdhist),
    ("dotglob", |s| &mut s.dotglob),
    ("execfail", |s| &mut s.execfail),
    ("expand_aliases", |s| &mut s.expand_aliases),
    ("extglob", |s| &mut s.extglob),
    ("failglob", |s| &mut s.failglob),
    ("globstar", |s| &mut s.globstar),
    ("histappend", |s| &mut s.histappend),
    ("huponexit", |s| &mut s.huponexit),
    ("inherit_errexit", |s| &mut s.inherit_errexit),
    ("lastpipe", |s| &mut s.lastpipe),
    ("localvar_inherit", |s| &mut s.localvar_inherit),
    ("nocaseglob", |s| &mut s.nocaseglob),
    ("nocasematch", |s| &mut s.nocasematch),
    ("nullglob", |s| &mut s.nullglob),
    ("patsub_replacement", |s| &mut s.patsub_replacement),
    ("progcomp", |s| &mut s.progcomp),
    ("promptvars", |s| &mut s.promptvars),
    ("sourcepath", |s| &mut s.sourcepath),
    ("xpg_echo", |s| &mut s.xpg_echo),
];

impl Shopt {
    /// Names of the options that are on.
    pub fn names(&self) -> Vec<String> {
        self.all().into_iter().filter(|(_, on)| *on).map(|(name, _)| name.to_owned()).collect()
    }

    /// All options with their values.
    pub fn all(&self) -> Vec<(&'static str, bool)> {
        let mut copy = self.clone();
        SHOPT.iter().map(|(name, place)| (*name, *place(&mut copy))).collect()
    }
}

impl Shell {
    /// Switches an option of `shopt`; false when there is none of that name.
    pub fn set_shopt(&mut self, name: &str, on: bool) -> bool {
        let Some((name, place)) = SHOPT.iter().find(|(known, _)| *known == name) else {
            return false;
        };
        *place(&mut self.shopt) = on;
        match *name {
            "extglob" => self.settings.extglob.set(on),
            "expand_aliases" => self.settings.expand_aliases.set(on),
            _ => {}
        }
        true
    }

    /// Sets what holds when a shell begins.
    pub fn usual_options(&mut self) {
        self.set.braceexpand = self.bash || self.interactive;
        self.set.emacs = self.interactive;
        self.set.history = self.interactive;
        self.shopt.sourcepath = true;
        self.shopt.promptvars = true;
        self.shopt.progcomp = true;
        self.shopt.cmdhist = true;
        self.shopt.checkwinsize = true;
        self.shopt.patsub_replacement = true;
        self.set_shopt("expand_aliases", !self.bash || self.interactive);
        self.settings.posix.set(!self.bash);
    }
}
