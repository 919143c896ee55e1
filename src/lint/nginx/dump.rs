//! What `nginx -T` prints: all files of a configuration, one after the other.

use std::collections::BTreeMap;

use crate::lint::files::KnownFiles;

/// The files of a dump.
#[derive(Debug)]
pub struct DumpedFiles {
    /// The path of the main file, which comes first.
    pub main: String,
    pub content: Vec<u8>,
    pub files: KnownFiles,
}

const HEADING: &[u8] = b"# configuration file ";

/// The files of a dump; `None`: it is none.
pub fn read_dump(bytes: &[u8]) -> Option<DumpedFiles> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut main: Option<String> = None;
    let mut current: Option<String> = None;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if let Some(path) = heading(line) {
            main.get_or_insert_with(|| path.clone());
            files.entry(path.clone()).or_default();
            current = Some(path);
        } else if let Some(path) = &current {
            files.entry(path.clone()).or_default().extend_from_slice(line);
        } else if !is_test_result(line) {
            return None;
        }
    }
    let main = main?;
    // A blank line follows each file.
    for content in files.values_mut() {
        if content.ends_with(b"\n\n") || content == b"\n" {
            content.pop();
        }
    }
    let content = files.get(&main).cloned().unwrap_or_default();
    Some(DumpedFiles { main, content, files: KnownFiles(files) })
}

fn heading(line: &[u8]) -> Option<String> {
    let path = line.trim_ascii_end().strip_prefix(HEADING)?.strip_suffix(b":")?;
    path.starts_with(b"/").then(|| String::from_utf8_lossy(path).into_owned())
}

/// What nginx writes before, where its standard error is caught as well.
fn is_test_result(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.starts_with(b"nginx: ") || line.starts_with(b"20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::files::Files as _;

    #[test]
    fn a_dump_is_split_into_its_files() {
        let dump = b"nginx: the configuration file /e/nginx.conf syntax is ok\n\
            # configuration file /e/nginx.conf:\ninclude c/*.conf;\n\n\
            # configuration file /e/c/a.conf:\nuser x;\n\n";
        let read = read_dump(dump).unwrap();
        assert_eq!(read.main, "/e/nginx.conf");
        assert_eq!(read.content, b"include c/*.conf;\n");
        assert_eq!(read.files.read("/e/c/a.conf", 100).unwrap(), b"user x;\n");
        assert!(read_dump(b"user x;\n# configuration file /e:\n").is_none());
    }
}
