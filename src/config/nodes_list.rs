//! Machines from a list, one in a line (`--nodes-from`): from an inventory, or the command line of a cloud.

use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;

use super::file::{self, FileShape};
use super::flags::Flags;
use super::sources::{Origin, Sources, Written};
use super::value::{self, InvalidValue, NodeFlag};
use super::{DeploymentFile, FileChoice, beside_file};
use crate::complaint::{Complaint, Place};
use crate::input;
use crate::model::deployment::NodeRole;
use crate::model::name::NodeName;

/// Standard input, in place of a file.
const STDIN: &str = "-";

/// The list that the flag, the environment or the file names.
///
/// # Errors
/// If it cannot be read, or if standard input is needed for a secret as well.
pub(super) fn named(
    sources: Sources<'_>,
    flags: &Flags,
    shape: &FileShape,
) -> Result<Option<DeploymentFile>, Complaint> {
    let named = sources.one(
        "nodes-from",
        value::path,
        flags.nodes_from.as_ref(),
        shape.nodes_from.as_ref(),
    )?;
    let Some(named) = named else { return Ok(None) };
    let place = named.origin.place("this list");
    let path = match named.value {
        path if is_stdin(&path) => path,
        value => beside_file(Written { value, origin: named.origin }),
    };
    let secrets = [&flags.token_file, &flags.api_secret_file];
    if is_stdin(&path) && secrets.into_iter().flatten().any(|path| is_stdin(path)) {
        return Err(Complaint::new("standard input can be read only once", place)
            .with_help("write the list of the machines to a file"));
    }
    read(&path, &place).map(Some)
}

/// The machines of the list at `path`; `-` is standard input.
///
/// # Errors
/// If it cannot be read, or a line is not a machine.
pub fn machines(path: &Path) -> Result<Vec<NodeFlag>, Complaint> {
    let list = read(path, &Place::Flag("--nodes-from".to_owned()))?;
    Ok(in_list(&list)?.into_iter().map(|written| written.value).collect())
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

fn read(path: &Path, place: &Place) -> Result<DeploymentFile, Complaint> {
    if !is_stdin(path) {
        return file::read(path, place);
    }
    let bytes = input::read_stdin(file::SIZE_LIMIT).map_err(|error| {
        Complaint::new(format!("failed to read standard input: {error}"), place.clone())
    })?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Complaint::new("standard input is not UTF-8 text", place.clone()))?;
    Ok(DeploymentFile { path: "standard input".to_owned(), text, choice: FileChoice::Named })
}

/// The machines of a list: `name role address…` in each line. `#` begins a comment.
///
/// # Errors
/// The first line that is not a machine.
pub(super) fn in_list(list: &DeploymentFile) -> Result<Vec<Written<'_, NodeFlag>>, Complaint> {
    let mut machines: Vec<Written<'_, NodeFlag>> = Vec::new();
    for line in lines(&list.text) {
        let words = words(&list.text, line);
        let [name, rest @ ..] = words.as_slice() else { continue };
        let machine = Line { list, words: &words }.machine(name, rest)?;
        if machines.iter().any(|known| known.value.name == machine.value.name) {
            return Err(Complaint::new(
                format!("the node \"{}\" is listed twice", machine.value.name),
                machine.origin.place("listed again here"),
            )
            .with_help("put all its addresses in one line"));
        }
        machines.push(machine);
    }
    Ok(machines)
}

/// The lines, without their comments.
fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split('\n').map(move |line| {
        let begin = start;
        start += line.len() + 1;
        begin..begin + line.find('#').unwrap_or(line.len())
    })
}

/// The words of a line. A comma separates as a blank does.
fn words(text: &str, line: Range<usize>) -> Vec<Range<usize>> {
    let is_between = |c: char| c.is_whitespace() || c == ',' || c == '\u{feff}';
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut is_inside = false;
    for (at, c) in text[line.clone()].char_indices() {
        let at = line.start + at;
        match (is_between(c), words.last_mut()) {
            (true, _) => is_inside = false,
            (false, Some(word)) if is_inside => word.end = at + c.len_utf8(),
            (false, _) => {
                words.push(at..at + c.len_utf8());
                is_inside = true;
            }
        }
    }
    words
}

/// A line that is not empty.
struct Line<'a, 'w> {
    list: &'a DeploymentFile,
    words: &'w [Range<usize>],
}

impl<'a> Line<'a, '_> {
    fn machine(
        &self,
        name: &Range<usize>,
        rest: &[Range<usize>],
    ) -> Result<Written<'a, NodeFlag>, Complaint> {
        let name: NodeName = self.value(name, value::node_name)?;
        let role = match rest.first() {
            Some(word) if self.text(word).parse::<IpAddr>().is_err() => {
                self.value::<NodeRole>(word, value::word)?
            }
            Some(_) | None => return Err(self.incomplete("the role is missing")),
        };
        let addresses = rest[1..]
            .iter()
            .map(|word| self.value(word, value::address))
            .collect::<Result<Vec<IpAddr>, _>>()?;
        if addresses.is_empty() {
            return Err(self.incomplete("the address is missing"));
        }
        let whole = self.words[0].start..self.words[self.words.len() - 1].end;
        Ok(Written {
            value: NodeFlag { name, role: Some(role), addresses },
            origin: Origin::File(self.list, whole),
        })
    }

    fn text(&self, word: &Range<usize>) -> &'a str {
        &self.list.text[word.clone()]
    }

    fn value<T>(
        &self,
        word: &Range<usize>,
        parse: fn(&str) -> Result<T, InvalidValue>,
    ) -> Result<T, Complaint> {
        parse(self.text(word)).map_err(|invalid| Complaint {
            message: invalid.message,
            place: Origin::File(self.list, word.clone()).place("this word"),
            help: Some(invalid.help.unwrap_or_else(|| FORM.to_owned())),
        })
    }

    fn incomplete(&self, message: &str) -> Complaint {
        let whole = self.words[0].start..self.words[self.words.len() - 1].end;
        let place = Origin::File(self.list, whole).place("this line");
        Complaint::new(message, place).with_help(FORM)
    }
}

/// What a line should be.
const FORM: &str =
    "a line has the form NAME ROLE ADDRESS…, such as media-1 media 203.0.113.21 2001:db8::21";

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> DeploymentFile {
        DeploymentFile { path: "nodes.txt".into(), text: text.into(), choice: FileChoice::Named }
    }

    #[test]
    fn a_line_is_a_machine_with_its_role_and_addresses() {
        let list = list(
            "# inventory\n\nmaster\tmaster 203.0.113.11  # the only one\r\n\
                         media-1 media 203.0.113.21, 2001:db8::21\n",
        );
        let machines = in_list(&list).unwrap();
        let shown: Vec<(&str, Option<NodeRole>, usize)> = (machines.iter())
            .map(|it| (it.value.name.as_str(), it.value.role, it.value.addresses.len()))
            .collect();
        assert_eq!(
            shown,
            [("master", Some(NodeRole::Master), 1), ("media-1", Some(NodeRole::Media), 2)]
        );
    }

    #[test]
    fn a_line_that_is_wrong_is_named_with_the_way_out() {
        for (text, words) in [
            ("ok proxy 203.0.113.1\nmedia-1 203.0.113.21", "nodes.txt:2"),
            ("media-1 203.0.113.21", "the role is missing"),
            ("media-1", "the role is missing"),
            ("media-1 media", "the address is missing"),
            ("media-1 medai 203.0.113.21", "did you mean \"media\"?"),
            ("media-1 media 203.0.113.21/32", "is a network, not an address"),
            ("media-1 media 10.0.0.256", "an IPv4 address has four numbers"),
            ("Media_1 media 203.0.113.21", "error: "),
            ("m media 203.0.113.1\nm media 203.0.113.2", "listed twice"),
        ] {
            let said = in_list(&list(text)).unwrap_err().to_string();
            assert!(said.contains(words) && said.contains("nodes.txt:"), "{text}\n{said}");
        }
    }
}
