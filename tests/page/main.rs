//! The page for users: its texts, its size, what it loads, and the decisions that it makes by itself, under node.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use ovcheck::output::html::visit::{self, Language, VisitPage};

/// The most bytes that all of the page takes on the wire, compressed.
const MOST_BYTES: usize = 15_000;

const PAGE: VisitPage<'static> = VisitPage {
    language: Language::En,
    languages: &Language::ALL,
    code: Some("7F4K-9QWD"),
    is_open: false,
    operator: "Example GmbH, help desk 4711",
    base: "/ovcheck/",
    domain: "openvidu.example.io",
};

fn main() {
    let trials = [
        ("texts-are-complete", texts_are_complete as fn() -> Completion),
        ("texts-are-those-that-the-page-uses", texts_are_those_that_the_page_uses),
        ("the-page-is-small", the_page_is_small),
        ("files-are-named-by-their-content", files_are_named_by_their_content),
        ("texts-are-escaped", texts_are_escaped),
        ("only-languages-that-are-offered-are-linked", only_languages_that_are_offered_are_linked),
        ("nothing-is-loaded-from-elsewhere", nothing_is_loaded_from_elsewhere),
        ("what-the-page-decides", what_the_page_decides),
    ];
    let trials = trials.map(|(name, test)| {
        Trial::ignorable_test(name, move || {
            std::panic::catch_unwind(test).map_err(|_| Failed::from("see the assertion above"))
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}

fn written(page: &VisitPage<'_>) -> String {
    let mut html = Vec::new();
    visit::write(page, &mut html).unwrap();
    String::from_utf8(html).unwrap()
}

/// The text of an element of data.
fn data<'a>(html: &'a str, id: &str) -> &'a str {
    let begin = format!(r#"<script type="application/json" id="{id}">"#);
    html.split_once(&begin).unwrap().1.split_once("</script>").unwrap().0
}

/// The texts of a language, as they are in the page.
fn texts(language: Language) -> BTreeMap<String, String> {
    serde_json::from_str(data(&written(&VisitPage { language, ..PAGE }), "text")).unwrap()
}

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
}

fn texts_are_complete() -> Completion {
    let english = texts(Language::En);
    for language in Language::ALL {
        let other = texts(language);
        assert!(english.keys().eq(other.keys()), "{language} has other keys than English");
        for (key, text) in &english {
            assert!(!other[key].trim().is_empty(), "{language}: {key}");
            assert_eq!(placeholders(text), placeholders(&other[key]), "{language}: {key}");
        }
    }
    Completion::Completed
}

fn texts_are_those_that_the_page_uses() -> Completion {
    let used = [
        include_str!("../../assets/page/page.mjs"),
        include_str!("../../assets/page/words.mjs"),
        include_str!("../../src/output/html/visit.html"),
        include_str!("../../src/output/html/visit.rs"),
    ]
    .concat();
    // Keys that are put together: errors of the contract, ways, reasons, and what a sentence means.
    let stem = |key: &str| {
        let made = ["error-", "way-", "why-"].iter().any(|begin| key.starts_with(begin));
        if made { None } else { Some(key.strip_suffix("-means").unwrap_or(key).to_owned()) }
    };
    for key in texts(Language::En).keys().filter_map(|key| stem(key)) {
        assert!(used.contains(&format!("\"{key}\"")), "{key} is used nowhere");
    }
    let known = texts(Language::En);
    let words = used.split('"').filter(|word| word.starts_with("do-"));
    for word in words {
        assert!(known.contains_key(word), "{word} has no text");
    }
    Completion::Completed
}

/// How many bytes gzip makes of it; `None` where there is no gzip.
fn compressed(bytes: &[u8]) -> Option<usize> {
    let mut command = Command::new("gzip");
    let mut gzip =
        command.args(["-6", "-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
    // 15 kB fit into the pipe that is read below.
    gzip.stdin.take().unwrap().write_all(bytes).unwrap();
    Some(gzip.wait_with_output().unwrap().stdout.len())
}

fn the_page_is_small() -> Completion {
    let files = visit::assets().iter().map(|asset| compressed(asset.body)).sum::<Option<usize>>();
    let Some(files) = files else {
        return Completion::ignored_with("gzip is not installed");
    };
    for language in Language::ALL {
        let html = compressed(written(&VisitPage { language, ..PAGE }).as_bytes()).unwrap();
        let all = html + files;
        assert!(all <= MOST_BYTES, "{language}: {all} bytes, {html} of them HTML");
    }
    Completion::Completed
}

fn files_are_named_by_their_content() -> Completion {
    let html = written(&PAGE);
    let assets = visit::assets();
    let names: BTreeSet<_> = assets.iter().map(|asset| asset.name.as_str()).collect();
    assert_eq!(names.len(), assets.len());
    for asset in assets {
        assert!(html.contains(&format!("/ovcheck/assets/{}\"", asset.name)), "{}", asset.name);
        let text = str::from_utf8(asset.body).unwrap();
        for imported in text.split("from \"./").skip(1) {
            let imported = imported.split('"').next().unwrap();
            assert!(names.contains(imported), "{} imports {imported}", asset.name);
        }
        let (stem, extension) = asset.name.rsplit_once('.').unwrap();
        assert!(matches!(extension, "js" | "css") && stem.len() == "ovcheck.".len() + 16);
    }
    Completion::Completed
}

fn only_languages_that_are_offered_are_linked() -> Completion {
    let table: [(&[Language], usize); 3] =
        [(&Language::ALL, 4), (&[Language::De, Language::En], 2), (&[Language::En], 0)];
    for (languages, links) in table {
        let html = written(&VisitPage { languages, ..PAGE });
        assert_eq!(html.matches("href=\"?lang=").count(), links, "{languages:?}");
    }
    Completion::Completed
}

fn texts_are_escaped() -> Completion {
    let hostile = "</script><!--<script>\"'&alert(1)";
    let page = VisitPage { code: Some(hostile), operator: hostile, domain: hostile, ..PAGE };
    let html = written(&page);
    assert_eq!(html.matches("<script").count(), written(&PAGE).matches("<script").count());
    assert!(!html.contains("<!--"));
    let setup: serde_json::Value = serde_json::from_str(data(&html, "visit")).unwrap();
    assert_eq!(setup["operator"], hostile);
    assert_eq!(setup["code"], hostile);
    Completion::Completed
}

fn nothing_is_loaded_from_elsewhere() -> Completion {
    let html = written(&PAGE);
    for attribute in ["src=\"", "href=\""] {
        for value in html.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let is_here =
                ["/ovcheck/assets/", "?lang="].iter().any(|begin| value.starts_with(begin));
            assert!(is_here || value == "mailto:", "{attribute}{value}");
        }
    }
    // The content security policy allows neither.
    assert!(!html.contains("style=") && !html.contains("<style") && !html.contains("onclick"));
    let style = include_str!("../../assets/page/page.css");
    assert!(!style.contains("url(") && !style.contains("@import"));
    Completion::Completed
}

fn what_the_page_decides() -> Completion {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/page/words.mjs");
    let Ok(output) = Command::new("node").args(["--test", script]).output() else {
        return Completion::ignored_with("node is not installed (Debian: nodejs)");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Completion::Completed
}
