//! The text format of Prometheus: `# HELP`, `# TYPE`, and one line for each sample.

use std::borrow::Cow;
use std::io::{self, Write};

/// A series: its value for each set of labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    pub samples: Vec<Sample>,
}

/// How a value may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge,
    /// It only grows, until the process ends.
    Counter,
}

/// A value with its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    labels: Vec<(Cow<'static, str>, String)>,
    value: f64,
}

impl Sample {
    /// A value without labels.
    pub fn new(value: f64) -> Self {
        Self { labels: Vec::new(), value }
    }

    /// The same with one more label.
    #[must_use]
    pub fn with(mut self, label: &'static str, value: &str) -> Self {
        self.labels.push((label.into(), value.to_owned()));
        self
    }

    /// Adds a label, unless it has one of that name.
    pub fn label(&mut self, label: &str, value: &str) {
        if self.labels.iter().all(|(known, _)| *known != label) {
            self.labels.push((label.to_owned().into(), value.to_owned()));
        }
    }

    /// The same with the value 1: that it is there is what it says.
    #[must_use]
    pub fn flagged(self) -> Self {
        Self { value: 1.0, ..self }
    }
}

impl Family {
    /// A gauge.
    pub fn new(name: &'static str, help: &'static str, samples: Vec<Sample>) -> Self {
        Self { name, help, kind: Kind::Gauge, samples }
    }

    /// A counter. Its name ends with `_total`.
    pub fn counter(name: &'static str, help: &'static str, samples: Vec<Sample>) -> Self {
        Self { name, help, kind: Kind::Counter, samples }
    }

    /// Adds the samples of another with the same name, or takes it as a new one: all samples of a name stand together.
    pub fn collect(self, families: &mut Vec<Self>) {
        match families.iter_mut().find(|known| known.name == self.name) {
            Some(known) => known.samples.extend(self.samples),
            None => families.push(self),
        }
    }

    /// A series without labels.
    pub fn one(name: &'static str, help: &'static str, value: f64) -> Self {
        Self::new(name, help, vec![Sample::new(value)])
    }

    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "# HELP {} {}.", self.name, self.help)?;
        let kind = match self.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
        };
        writeln!(out, "# TYPE {} {kind}", self.name)?;
        for Sample { labels, value } in &self.samples {
            write!(out, "{}", self.name)?;
            for (index, (label, text)) in labels.iter().enumerate() {
                let before = if index == 0 { '{' } else { ',' };
                write!(out, "{before}{label}=\"{}\"", escaped(text))?;
            }
            let after = if labels.is_empty() { "" } else { "}" };
            writeln!(out, "{after} {value}")?;
        }
        Ok(())
    }
}

/// The value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_ends_where_it_should() {
        let family = Family::new(
            "a",
            "What it is",
            vec![Sample::new(0.5).with("x", "1\"} 2\n\\").with("y", "z"), Sample::new(3.0)],
        );
        let mut out = Vec::new();
        family.write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "# HELP a What it is.\n# TYPE a gauge\na{x=\"1\\\"} 2\\n\\\\\",y=\"z\"} 0.5\na 3\n"
        );
    }
}
