//! The settings of `:set`.

/// Settings.
#[derive(Debug, Clone)]
pub struct Settings {
    pub number: bool,
    pub list: bool,
    pub ignore_case: bool,
    pub auto_indent: bool,
    pub expand_tab: bool,
    pub wrap_scan: bool,
    pub read_only: bool,
    pub tab: usize,
    pub shift: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            number: false,
            list: false,
            ignore_case: false,
            auto_indent: false,
            expand_tab: false,
            wrap_scan: true,
            read_only: false,
            tab: 8,
            shift: 8,
        }
    }
}

impl Settings {
    fn flag(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "number" | "nu" => &mut self.number,
            "list" => &mut self.list,
            "ignorecase" | "ic" => &mut self.ignore_case,
            "autoindent" | "ai" => &mut self.auto_indent,
            "expandtab" | "et" => &mut self.expand_tab,
            "wrapscan" | "ws" => &mut self.wrap_scan,
            "readonly" | "ro" => &mut self.read_only,
            _ => return None,
        })
    }

    fn number(&mut self, name: &str) -> Option<&mut usize> {
        match name {
            "tabstop" | "ts" => Some(&mut self.tab),
            "shiftwidth" | "sw" => Some(&mut self.shift),
            _ => None,
        }
    }

    /// Sets one; a text to show, if it was asked for.
    ///
    /// # Errors
    /// One sentence.
    pub fn set(&mut self, word: &str) -> Result<Option<String>, String> {
        if let Some((name, value)) = word.split_once('=') {
            let place = self.number(name).ok_or_else(|| format!("there is no setting {name} with a number"))?;
            let value = value.parse().ok().filter(|value| (1..=1000).contains(value));
            *place = value.ok_or_else(|| format!("{name} wants a number from 1 to 1000"))?;
            return Ok(None);
        }
        if let Some(name) = word.strip_suffix('?') {
            return self.show(name).map(Some);
        }
        if let Some(flag) = self.flag(word) {
            *flag = true;
            return Ok(None);
        }
        if let Some(flag) = word.strip_prefix("no").and_then(|name| self.flag(name)) {
            *flag = false;
            return Ok(None);
        }
        self.show(word).map(Some)
    }

    fn show(&mut self, name: &str) -> Result<String, String> {
        if let Some(number) = self.number(name) {
            return Ok(format!("{name}={number}"));
        }
        let flag = self.flag(name).ok_or_else(|| format!("there is no setting {name}"))?;
        Ok(if *flag { name.to_owned() } else { format!("no{name}") })
    }

    /// All of them.
    pub fn all(&mut self) -> String {
        let names = ["nu", "list", "ic", "ai", "et", "ws", "ro", "ts", "sw"];
        names.iter().filter_map(|name| self.show(name).ok()).collect::<Vec<_>>().join(" ")
    }
}
