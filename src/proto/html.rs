//! What a person reads of a body that is marked up.

use crate::model::facts::{Page, PageKind, ServerText};

/// Elements of which nothing is read on the page itself.
const UNREAD: &[&str] = &["title", "script", "style", "noscript", "svg", "template"];

/// The entities that stand in titles of error pages.
const ENTITIES: &[(&str, &str)] = &[
    ("&nbsp;", " "),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&apos;", "'"),
    ("&mdash;", "-"),
    ("&amp;", "&"),
];

/// Reads a body, as far as it came; `None` where it is not marked up.
pub fn read(body: &str, content_type: Option<&str>) -> Option<Page> {
    let body = body.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let is_markup = body.starts_with('<')
        && body[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?'));
    if !is_markup {
        return None;
    }
    let lower = body.to_ascii_lowercase();
    let is_html = lower.contains("<html") || lower.contains("<!doctype html");
    let is_xml = lower.starts_with("<?xml")
        || content_type.is_some_and(|media| media.to_ascii_lowercase().contains("xml"));
    let kind = if is_xml && !is_html { PageKind::Xml } else { PageKind::Html };
    let title = element(body, &lower, "title").map(|text| ServerText::new(&folded(text)));
    let words = ServerText::new(&words(body, &lower));
    Some(Page { kind, title: title.filter(|title| !title.unquoted().is_empty()), words })
}

/// What stands in the first element of this name, as far as it came.
fn element<'a>(body: &'a str, lower: &str, name: &str) -> Option<&'a str> {
    let open = format!("<{name}");
    let start = lower.match_indices(&open).find_map(|(at, _)| {
        let behind = &lower[at + open.len()..];
        let ends_name = behind.starts_with(|c: char| c == '>' || c.is_whitespace());
        ends_name.then(|| behind.find('>').map(|end| at + open.len() + end + 1)).flatten()
    })?;
    let end = lower[start..].find('<').map_or(lower.len(), |end| start + end);
    Some(&body[start..end])
}

/// The first words outside of marks.
fn words(body: &str, lower: &str) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some(start) = body[at..].find('<').map(|start| at + start) {
        text.push_str(&body[at..start]);
        text.push(' ');
        let rest = &lower[start..];
        let end = if rest.starts_with("<!--") { "-->".into() } else { end_of(&rest[1..]) };
        match rest.find(end.as_str()) {
            Some(length) => at = start + length + end.len(),
            None => return folded(&text),
        }
        if text.chars().count() > 4 * ServerText::LIMIT {
            return folded(&text);
        }
    }
    text.push_str(&body[at..]);
    folded(&text)
}

/// Behind what the page goes on where `tag` begins.
fn end_of(tag: &str) -> String {
    let unread = UNREAD.iter().find(|name| {
        let behind = tag.strip_prefix(**name);
        behind.is_some_and(|rest| rest.starts_with(|c: char| c == '>' || c.is_whitespace()))
    });
    unread.map_or_else(|| ">".to_owned(), |name| format!("</{name}>"))
}

/// On one line, with the characters that entities stand for.
fn folded(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = ENTITIES.iter().fold(text, |text, (entity, c)| text.replace(entity, c));
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_html(body: &str) -> (Option<String>, String) {
        let page = read(body, Some("text/html")).unwrap();
        assert_eq!(page.kind, PageKind::Html);
        (page.title.map(|title| title.unquoted().to_owned()), page.words.unquoted().to_owned())
    }

    #[test]
    fn title_and_words_of_a_page_are_read() {
        let (title, words) = read_html(
            "\r\n<!DOCTYPE html>\n<html><head><TITLE lang=en>\n  502 &amp; more\n</TITLE>\
             <style>body { color: red }</style><script>if (a < b) {}</script></head>\
             <!-- no --><body><h1>Bad  gateway</h1><p>Host&nbsp;Error",
        );
        assert_eq!(title.as_deref(), Some("502 & more"));
        assert_eq!(words, "Bad gateway Host Error");
    }

    #[test]
    fn a_page_that_breaks_off_is_read_as_far_as_it_came() {
        assert_eq!(read_html("<html><head><title>Half of").0.as_deref(), Some("Half of"));
        assert_eq!(read_html("<html><body>text<scr"), (None, "text".to_owned()));
        assert_eq!(read_html("<html><titles>x</titles>y"), (None, "x y".to_owned()));
    }

    #[test]
    fn xml_is_no_page_of_html_and_text_is_neither() {
        let s3 = "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code>\
                  <Message>Access Denied</Message></Error>";
        let page = read(s3, Some("application/xml")).unwrap();
        assert_eq!(page.kind, PageKind::Xml);
        assert_eq!(page.words.unquoted(), "AccessDenied Access Denied");
        assert_eq!(read("OK", None), None);
        assert_eq!(read("< 3 > 2", None), None);
        assert_eq!(read("", Some("text/html")), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[<>/a-z!?ü &;\\-]{0,80}") {
            read(&format!("<{text}"), None);
        }
    }
}
