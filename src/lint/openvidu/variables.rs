//! The variables that OpenVidu's environment files set, while they are replaced in other files.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::interpolation::{Form, expand};
use super::secrets;
use crate::lint::env::{self, Quote};
use crate::model::facts::VariableTrouble;
use crate::model::secret::Secret;

/// Which file a variable is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    Openvidu,
    Master,
    Media,
    /// `.env` beside `docker-compose.yaml`.
    Compose,
}

/// A variable: its value, which may be a secret, and where it is set.
#[derive(Clone, PartialEq, Eq)]
pub struct Found {
    pub value: Secret,
    pub is_secret: bool,
    /// Which of the files that are read.
    pub file: usize,
    pub line: usize,
    /// The bytes of its name, and of its value.
    pub name: Range<usize>,
    pub bytes: Range<usize>,
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Found({}:{})", self.file, self.line)
    }
}

/// All variables, by file.
#[derive(Debug, Default)]
pub struct Variables(BTreeMap<Source, BTreeMap<String, Found>>);

impl Variables {
    /// Adds those of a file. The last of one name wins, and a value may name those before it.
    pub fn add(&mut self, source: Source, file: usize, text: &str) {
        let variables = self.0.entry(source).or_default();
        for assignment in env::read(text).0 {
            let name = &text[assignment.name.clone()];
            let mut is_secret = secrets::is_named_secret(name);
            let mut value = assignment.unescaped();
            if assignment.quote != Quote::Single {
                let expanded = expand(&value, Form::Both, &|name| Ok(variables.get(name).cloned()));
                is_secret |= expanded.is_secret;
                value = expanded.text;
            }
            let found = Found {
                value: Secret::new(value),
                is_secret,
                file,
                line: assignment.line,
                name: assignment.name,
                bytes: assignment.value,
            };
            variables.insert(name.to_owned(), found);
        }
    }

    /// The variable of `openvidu.NAME`, `master_node.NAME` or `media_node.NAME`.
    ///
    /// # Errors
    /// If there is no such file, or it was not read.
    pub fn dotted(&self, name: &str) -> Result<Option<Found>, VariableTrouble> {
        let (word, name) = name.split_once('.').ok_or(VariableTrouble::Malformed)?;
        let source = match word {
            "openvidu" => Source::Openvidu,
            "master_node" => Source::Master,
            "media_node" => Source::Media,
            _ => return Err(VariableTrouble::Malformed),
        };
        self.of(source, name)
    }

    /// A variable of a file.
    ///
    /// # Errors
    /// If the file was not read.
    pub fn of(&self, source: Source, name: &str) -> Result<Option<Found>, VariableTrouble> {
        let file = self.0.get(&source).ok_or(VariableTrouble::FileNotRead)?;
        Ok(file.get(name).cloned())
    }
}
