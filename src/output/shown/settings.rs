//! What decided where a run connected and whom it trusted, if that was not the DNS and the system: a reader
//! must know it before the results.

use super::types::{ShownReport, ShownSelection};
use crate::model::deployment::Edition;
use crate::model::edition::{ChosenBy, EditionSign};
use crate::model::word_list::WordList;
use crate::output::settings::{Settings, connected_words, resolved_words};
use crate::output::text::one_line;
use crate::output::words;

impl ShownReport {
    /// One sentence for each such setting. The demo made all of its settings, so that none is new to the
    /// reader.
    pub fn settings(&self) -> Vec<String> {
        if self.run.command == "demo" {
            return Vec::new();
        }
        let (files, options) = (&self.files_read, &self.options);
        let ShownSelection { only, skip } = &options.selection;
        let resolved = options.resolve.iter();
        let connected = options.connect_to.iter();
        let settings = Settings {
            recording: files.recording.clone(),
            config: files.config.clone(),
            rules: files.rules.clone(),
            ca_file: files.ca_file.clone(),
            dns_server: options.dns_server.clone(),
            resolve: resolved.map(|it| resolved_words(&it.name, it.port, &it.addresses)).collect(),
            connect_to: connected
                .map(|it| {
                    let (from, to) = (it.address.as_ref(), it.to_address.as_ref());
                    connected_words((from, it.ports), (to, it.to_port))
                })
                .collect(),
            only: only.clone(),
            skip: skip.clone(),
            redact: options.redact.clone(),
            proxy_of_call: options.http_proxy.clone().filter(|_| options.credentials.is_some()),
        };
        let choice = &options.edition;
        let signs: Vec<EditionSign> =
            choice.signs.iter().filter_map(|sign| EditionSign::from_word(sign)).collect();
        let edition = Edition::from_word(&self.ruleset.guide).map(|edition| {
            words::edition::of_run(edition, ChosenBy::from_word(&choice.by), &signs)
        });
        let sentences = settings.sentences().into_iter().chain(edition.into_iter().flatten());
        sentences.map(|line| one_line(&line)).collect()
    }
}
