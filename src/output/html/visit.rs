//! The page on which users test their own browser, and the files that it loads.

use std::collections::BTreeMap;
use std::io;
use std::sync::LazyLock;

use askama::Template;
use serde_json::json;
use sha2::{Digest, Sha256};

pub use crate::model::language::Language;
use crate::model::word_list::WordList as _;

/// What the page of a visit needs.
pub struct VisitPage<'a> {
    pub language: Language,
    /// Those that the user may choose from.
    pub languages: &'a [Language],
    /// The code of the link, as the user is shown it.
    pub code: Option<&'a str>,
    /// Whether a visit needs no code.
    pub is_open: bool,
    /// Who runs the deployment and receives results.
    pub operator: &'a str,
    /// The path of the page, which begins and ends with `/`.
    pub base: &'a str,
    /// The domain of the deployment.
    pub domain: &'a str,
}

/// Its name, in itself.
fn own_name(language: &Language) -> &'static str {
    match language {
        Language::En => "English",
        Language::De => "Deutsch",
        Language::Es => "Español",
        Language::Fr => "Français",
    }
}

/// Its texts, as JSON.
fn source(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../../../assets/page/text/en.json"),
        Language::De => include_str!("../../../assets/page/text/de.json"),
        Language::Es => include_str!("../../../assets/page/text/es.json"),
        Language::Fr => include_str!("../../../assets/page/text/fr.json"),
    }
}

/// The texts of one language.
type Texts = BTreeMap<String, String>;

/// A file that the page loads.
pub struct Asset {
    /// `ovcheck.<hash of its content>.<extension>`: a name never stands for other content.
    pub name: String,
    pub content_type: &'static str,
    pub body: &'static [u8],
}

impl Asset {
    fn new(extension: &str, content_type: &'static str, body: &'static [u8]) -> Self {
        let digest = Sha256::digest(body);
        let hash: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { name: format!("ovcheck.{hash}.{extension}"), content_type, body }
    }
}

/// Style, the module without DOM, and the module that imports it.
static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let style = include_bytes!("../../../assets/page/page.css");
    let style = Asset::new("css", "text/css; charset=utf-8", style);
    let words = Asset::new("js", SCRIPT, include_bytes!("../../../assets/page/words.mjs"));
    let page = include_str!("../../../assets/page/page.mjs")
        .replacen("./words.mjs", &format!("./{}", words.name), 1)
        .leak();
    [style, words, Asset::new("js", SCRIPT, page.as_bytes())]
});

/// The files that the page loads, to be served at `assets/NAME` under the path of the page.
pub fn assets() -> &'static [Asset] {
    &*ASSETS
}

/// Writes the page.
///
/// # Errors
/// Those of the template.
pub fn write(page: &VisitPage<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    let texts: Texts = serde_json::from_str(source(page.language))?;
    let setup = json!({
        "code": page.code,
        "open": page.is_open,
        "operator": page.operator,
        "base": page.base,
        "lang": page.language,
    });
    let [style, words, script] = &*ASSETS;
    let html = Html {
        page,
        style: &style.name,
        words: &words.name,
        script: &script.name,
        embedded_texts: for_script(&serde_json::to_string(&texts)?),
        setup: for_script(&setup.to_string()),
        texts,
    };
    out.extend_from_slice(html.render().map_err(io::Error::other)?.as_bytes());
    Ok(())
}

/// JSON that does not end the element that it is in.
fn for_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[derive(Template)]
#[template(path = "visit.html")]
struct Html<'a> {
    page: &'a VisitPage<'a>,
    style: &'a str,
    words: &'a str,
    script: &'a str,
    texts: Texts,
    /// The texts for the script, as JSON.
    embedded_texts: String,
    setup: String,
}

impl Html<'_> {
    /// The ways of a call, as the script names them.
    const WAYS: [&'static str; 4] = ["udp", "tcp", "turn-udp", "turn-tls"];

    /// The text with this key.
    fn say(&self, key: &str) -> String {
        let text = self.texts.get(key).map_or(key, String::as_str);
        text.replace("{domain}", self.page.domain).replace("{operator}", self.page.operator)
    }

    /// What is said about sending the result.
    fn sending(&self) -> &'static str {
        match self.page.is_open && self.page.code.is_none() {
            true => "sends-on-request",
            false => "sends-by-itself",
        }
    }
}
