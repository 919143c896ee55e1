//! The text format of Prometheus: `# HELP`, `# TYPE`, and one line for each sample.

use std::io::{self, Write};

/// A series: its value for each set of labels. All of them are gauges.
pub struct Family {
    name: &'static str,
    help: &'static str,
    pub samples: Vec<Sample>,
}

/// A value with its labels.
pub struct Sample {
    labels: Vec<(&'static str, String)>,
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
        self.labels.push((label, value.to_owned()));
        self
    }

    /// The same with the value 1: that it is there is what it says.
    #[must_use]
    pub fn flagged(self) -> Self {
        Self { value: 1.0, ..self }
    }
}

impl Family {
    pub fn new(name: &'static str, help: &'static str, samples: Vec<Sample>) -> Self {
        Self { name, help, samples }
    }

    /// A series without labels.
    pub fn one(name: &'static str, help: &'static str, value: f64) -> Self {
        Self::new(name, help, vec![Sample::new(value)])
    }

    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "# HELP {} {}.", self.name, self.help)?;
        writeln!(out, "# TYPE {} gauge", self.name)?;
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
