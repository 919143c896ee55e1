use proptest::prelude::*;

use super::lexer::{Lexer, Token, unescaped};
use super::tree::{Tree, read_tree};
use crate::lint::files::KnownFiles;
use crate::lint::proxy::{self, AskedNames, AskedPorts, ProxyInput};
use crate::model::configuration::{End, ProxyKind, Undecided};
use crate::model::facts::ProxyFaultKind;
use crate::model::port::Port;
use crate::model::target::Family;

fn words(text: &str) -> Vec<String> {
    let mut lexer = Lexer::new(text.as_bytes(), 0);
    let mut words = Vec::new();
    while let Some(token) = lexer.next_token() {
        words.push(match token {
            Token::Word(word) => word.text,
            Token::End(_) => ";".to_owned(),
            Token::Open(_) => "{".to_owned(),
            Token::Close(_) => "}".to_owned(),
        });
    }
    words
}

fn tree(text: &str) -> Tree {
    read_tree("/e/nginx.conf", text.as_bytes(), &KnownFiles::default())
}

fn faults(text: &str) -> Vec<ProxyFaultKind> {
    tree(text).faults.into_iter().map(|fault| fault.what).collect()
}

#[test]
fn words_are_read_by_the_grammar_of_nginx() {
    for (text, expected) in [
        ("a  b\t'c d' \"e\\\"f\";", &["a", "b", "c d", "e\"f", ";"][..]),
        ("a#b # c\nd;", &["a#b", "d", ";"]),
        ("x ${y}z;", &["x", "${y}z", ";"]),
        ("~ ^/[0-9]{3}$ {", &["~", "^/[0-9]", "{", "3}$", "{"]),
        ("if ($x = 'a'){", &["if", "($x", "=", "a", ")", "{"]),
        ("a'b \\d\\.x;", &["a'b", "\\d\\.x", ";"]),
        ("\u{feff}a;", &["a", ";"]),
        ("a}b } c;", &["a}b", "}", "c", ";"]),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn lua_is_skipped_to_its_brace() {
    let text = "http { content_by_lua_block { x = \"}\" -- }\n y = [[ } ]] z = [=[ ]] } ]=] if a then {} end }\n a b; }";
    let tree = tree(text);
    assert_eq!(tree.faults, []);
    let inner = tree.directives[0].block().unwrap();
    assert_eq!(inner.len(), 2);
    assert!(inner[1].is("a"));
}

#[test]
fn reading_goes_on_behind_an_error() {
    let text = "a 'b'c;\nd { e f }\ng h;\n}\ni;";
    let tree = tree(text);
    let names: Vec<&str> = tree.directives.iter().map(|one| one.name.text.as_str()).collect();
    assert_eq!(names, ["a", "d", "g", "i"]);
    assert_eq!(
        faults(text),
        [
            ProxyFaultKind::SemicolonMissing,
            ProxyFaultKind::NothingToClose,
            ProxyFaultKind::TextAfterQuote,
        ]
    );
    assert_eq!(faults("a {"), [ProxyFaultKind::BlockOpen]);
    assert_eq!(faults("a \"b;"), [ProxyFaultKind::SemicolonMissing, ProxyFaultKind::OpenQuote]);
}

#[test]
fn huge_and_deep_texts_end() {
    assert!(faults(&"a{".repeat(1_000_000)).contains(&ProxyFaultKind::TooDeep));
    assert!(faults(&"x ".repeat(150_000)).contains(&ProxyFaultKind::SemicolonMissing));
    assert!(faults(&"a;".repeat(250_000)).contains(&ProxyFaultKind::TooMany));
}

#[test]
fn includes_stand_in_their_place_and_end_in_a_circle() {
    let files = [
        ("/e/c/b.conf", "b;"),
        ("/e/c/a.conf", "a; include d/x;"),
        ("/e/d/x", "x; include nginx.conf;"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let files = KnownFiles(files.into());
    let tree = read_tree("/e/nginx.conf", b"include c/*.conf; y; include none;", &files);
    let names: Vec<&str> = tree.directives.iter().map(|one| one.name.text.as_str()).collect();
    assert_eq!(names, ["include", "a", "include", "x", "include", "b", "y", "include"]);
    let kinds: Vec<_> = tree.faults.iter().map(|fault| &fault.what).collect();
    assert!(matches!(kinds[0], ProxyFaultKind::IncludeCircle), "{kinds:?}");
    assert!(matches!(kinds[1], ProxyFaultKind::IncludeUnread(_)), "{kinds:?}");
}

#[test]
fn secrets_are_not_kept() {
    let text = "http { server { listen 80; location / {\n proxy_set_header Authorization \"Bearer hush\";\n\
        proxy_pass http://10.0.0.20:7880; } }\n map $http_authorization $x {\n hush 1;\n } }\n events {}";
    let tree = tree(text);
    let kept = format!("{:?}", tree.directives);
    assert!(!kept.contains("hush"), "{kept}");
    let at =
        tree.sources.location(tree.directives[0].block().unwrap()[1].block().unwrap()[0].name.span);
    assert_eq!((at.line, at.text), (5, None));
}

fn asked(api: Option<&str>) -> AskedNames {
    let port = |number| Port::new(number).unwrap();
    AskedNames {
        api: api.map(|name| name.parse().unwrap()),
        turn: None,
        unknown: None,
        families: vec![Family::V4],
        ports: AskedPorts { https: port(443), http: port(80), rtmps: None },
    }
}

fn end(text: &str) -> End {
    let input = ProxyInput::Text { name: "/e/nginx.conf".to_owned(), bytes: text.into() };
    let asked = asked(Some("a.example.io"));
    let read = proxy::read(&[input], Some(ProxyKind::Nginx), &asked, &KnownFiles::default());
    read.unwrap().traces[0].end.clone()
}

#[test]
fn what_the_files_do_not_tell_is_undecided() {
    let stream = |inner: &str| format!("events {{}} stream {{ {inner} }}");
    for text in [
        stream("include more/x.conf;"),
        stream(
            "map $ssl_preread_server_name $to { include x; } server { listen 443; ssl_preread on; proxy_pass $to; }",
        ),
        stream("geo $to { default x; } server { listen 443; proxy_pass $to; }"),
        stream("map $remote_addr $to { default x; } server { listen 443; proxy_pass $to; }"),
        stream(
            "server { listen 203.0.113.9:443; proxy_pass 10.0.0.1:1; } server { listen 443; proxy_pass 10.0.0.1:2; }",
        ),
        stream(
            "map $ssl_preread_server_name $to { ~(?!b)a 10.0.0.1:1; } server { listen 443; ssl_preread on; proxy_pass $to; }",
        ),
    ] {
        assert!(matches!(end(&text), End::Undecided(_)), "{text}: {:?}", end(&text));
    }
    let decided = stream(
        "map $ssl_preread_server_name $to { include x; a.example.io 10.0.0.1:1; } server { listen 443; ssl_preread on; proxy_pass $to; }",
    );
    assert!(matches!(end(&decided), End::Backend(_)));
    let version = stream("server { listen 443; server_name a.example.io; proxy_pass 10.0.0.1:1; }");
    assert_eq!(end(&version), End::Undecided(Undecided::Version));
}

#[test]
fn a_file_for_conf_d_is_read_without_http_around_it() {
    let text = "server { listen 443 ssl; server_name a.example.io; ssl_certificate c; ssl_certificate_key k;\n\
        location / { proxy_pass http://10.0.0.20:7880; } }";
    assert!(matches!(end(text), End::Backend(_)), "{:?}", end(text));
}

#[test]
fn names_are_taken_from_the_configuration_without_a_declaration() {
    let text =
        "events {} stream { map $ssl_server_name $to { A.example.io b; *.x c; default d; } }";
    let input = ProxyInput::Text { name: "n".to_owned(), bytes: text.into() };
    let facts = proxy::read(&[input], None, &asked(None), &KnownFiles::default()).unwrap();
    assert_eq!(facts.names.len(), 1);
    assert!(facts.traces.iter().any(|trace| {
        trace.asked.name.as_ref().is_some_and(|name| name.as_str() == "a.example.io")
    }));
}

proptest! {
    #[test]
    fn the_text_at_a_span_is_the_word(text in "[a-c$#;{}'\"\\\\ \n]{0,60}") {
        let mut lexer = Lexer::new(text.as_bytes(), 0);
        let mut last = 0;
        while let Some(token) = lexer.next_token() {
            let (Token::Word(_) | Token::End(_) | Token::Open(_) | Token::Close(_)) = &token;
            if let Token::Word(word) = token {
                let raw = &text.as_bytes()[word.span.start as usize..word.span.end as usize];
                prop_assert!(word.span.start >= last);
                last = word.span.end;
                let is_quoted = matches!(raw.first(), Some(b'\'' | b'"'));
                let is_closed = raw.len() > 1 && raw.first() == raw.last();
                let inner = match (is_quoted, is_closed && lexer.faults.is_empty()) {
                    (true, true) => &raw[1..raw.len() - 1],
                    (true, false) => continue,
                    _ => raw,
                };
                prop_assert_eq!(word.text, String::from_utf8(unescaped(inner)).unwrap());
            }
        }
    }
}
