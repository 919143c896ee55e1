//! The three sources of a value (flags, environment, file) and their precedence.

use std::ops::Range;

use serde_spanned::Spanned;

use super::file::DeploymentFile;
use super::value::InvalidValue;
use crate::complaint::{Complaint, Place};

/// The source of a value.
#[derive(Debug, Clone)]
pub(super) enum Origin<'a> {
    /// On the command line, with this flag.
    Flag(String),
    /// In this environment variable.
    Environment(String),
    /// In these bytes of the deployment file.
    File(&'a DeploymentFile, Range<usize>),
}

impl Origin<'_> {
    /// The place for a complaint. In a file, `label` describes the marked text.
    pub(super) fn place(&self, label: &str) -> Place {
        match self {
            Self::Flag(flag) => Place::Flag(flag.clone()),
            Self::Environment(variable) => Place::Environment(variable.clone()),
            Self::File(file, span) => Place::in_file(&file.path, &file.text, span.clone(), label),
        }
    }
}

/// A value and its source.
#[derive(Debug, Clone)]
pub(super) struct Written<'a, T> {
    pub value: T,
    pub origin: Origin<'a>,
}

/// The environment and the deployment file.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    pub file: Option<&'a DeploymentFile>,
}

/// A function that parses a value.
type Read<T> = fn(&str) -> Result<T, InvalidValue>;

impl<'a> Sources<'a> {
    /// The value of `key`: from the flag, otherwise the environment, otherwise the file.
    ///
    /// Overridden values are parsed too, so that a mistake is reported now and not when the flag is
    /// omitted later.
    pub(super) fn one<T: Clone>(
        &self,
        key: &str,
        read: Read<T>,
        flag: Option<&T>,
        file: Option<&Spanned<String>>,
    ) -> Result<Option<Written<'a, T>>, Complaint> {
        let in_file = file.map(|text| self.in_file(text, read)).transpose()?;
        let in_environment =
            self.variable(key)?.map(|(name, text)| in_variable(&name, &text, read)).transpose()?;
        let flag = flag.map(|value| on_command_line(key, value));
        Ok(flag.or(in_environment).or(in_file))
    }

    /// The values of `key`, a list: from the flags, otherwise the environment (separated by spaces),
    /// otherwise the file.
    pub(super) fn several<T: Clone>(
        &self,
        key: &str,
        read: Read<T>,
        flags: &[T],
        file: Option<&[Spanned<String>]>,
    ) -> Result<Vec<Written<'a, T>>, Complaint> {
        let in_file = self.list_in_file(file.unwrap_or_default(), read)?;
        let in_environment = self.list_in_environment(key, read)?;
        if !flags.is_empty() {
            return Ok(list_on_command_line(key, flags));
        }
        Ok(if in_environment.is_empty() { in_file } else { in_environment })
    }

    /// The values of a list in the environment, separated by spaces.
    pub(super) fn list_in_environment<T>(
        &self,
        key: &str,
        read: Read<T>,
    ) -> Result<Vec<Written<'a, T>>, Complaint> {
        let Some((name, text)) = self.variable(key)? else {
            return Ok(Vec::new());
        };
        text.split_whitespace().map(|one| in_variable(&name, one, read)).collect()
    }

    /// The values of a list in the file.
    pub(super) fn list_in_file<T>(
        &self,
        list: &[Spanned<String>],
        read: Read<T>,
    ) -> Result<Vec<Written<'a, T>>, Complaint> {
        list.iter().map(|text| self.in_file(text, read)).collect()
    }

    /// A value in the file.
    pub(super) fn in_file<T>(
        &self,
        text: &Spanned<String>,
        read: Read<T>,
    ) -> Result<Written<'a, T>, Complaint> {
        let origin = self.origin_in_file(text.span());
        written(text.get_ref(), origin, read)
    }

    /// The bytes `span` of the file.
    pub(super) fn origin_in_file(&self, span: Range<usize>) -> Origin<'a> {
        let file = self.file.expect("what has a place in the file was read from it");
        Origin::File(file, span)
    }

    /// The name and value of the environment variable for `key`, if it is set.
    ///
    /// # Errors
    /// If it is empty. A pipeline sets such a variable by mistake, and what it should declare would
    /// be left out without a word.
    pub(super) fn variable(&self, key: &str) -> Result<Option<(String, String)>, Complaint> {
        let name = format!("OVCHECK_{}", key.to_uppercase().replace('-', "_"));
        Ok(self.variable_called(&name)?.map(|text| (name, text)))
    }

    /// The value of the environment variable `name`, if it is set.
    ///
    /// # Errors
    /// If it is empty.
    pub(super) fn variable_called(&self, name: &str) -> Result<Option<String>, Complaint> {
        let text = (self.environment)(name);
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            let place = Place::Environment(name.to_owned());
            return Err(Complaint::new("the environment variable is empty", place)
                .with_help("set it to a value, or unset it"));
        }
        Ok(text)
    }
}

/// The values of a flag that can be repeated.
pub(super) fn list_on_command_line<'a, T: Clone>(key: &str, values: &[T]) -> Vec<Written<'a, T>> {
    values.iter().map(|value| on_command_line(key, value)).collect()
}

fn on_command_line<'a, T: Clone>(key: &str, value: &T) -> Written<'a, T> {
    Written { value: value.clone(), origin: Origin::Flag(format!("--{key}")) }
}

/// A value in an environment variable.
pub(super) fn in_variable<'a, T>(
    name: &str,
    text: &str,
    read: Read<T>,
) -> Result<Written<'a, T>, Complaint> {
    written(text.trim(), Origin::Environment(name.to_owned()), read)
}

fn written<'a, T>(
    text: &str,
    origin: Origin<'a>,
    read: Read<T>,
) -> Result<Written<'a, T>, Complaint> {
    match read(text) {
        Ok(value) => Ok(Written { value, origin }),
        Err(invalid) => Err(Complaint {
            message: invalid.message,
            place: origin.place("this value"),
            help: invalid.help,
        }),
    }
}
